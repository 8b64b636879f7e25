import assert from 'node:assert/strict'
import { type Role, type World } from '../world.ts'
import type { Frame, Wire } from '../wire.ts'

/** What the shared terminal is called. */
export const title = 'build machine'

/** People in a room of a server that has terminals. */
export async function meet(t: World, ...roles: ['owner', ...Role[]]) {
  const meeting = await t.meet(...roles)
  t.needs(meeting.peers[0]!, 'terminal')
  return meeting
}

/** Shares a terminal; returns its id. */
export async function share(host: Wire, room: string): Promise<string> {
  const started = await host.ask('terminal.share.start', room, { room_id: room, title, cols: 80, rows: 24 })
  assert.equal(started.type, 'terminal.share.started', JSON.stringify(started))
  return String(started.payload.terminal_id)
}

/** A token for control of what the host shares. */
export const control = (t: World, peer: Wire, room: string, host: Wire) =>
  t.grant(peer, room, ['terminal:control'], { target_peer_id: host.peer_id })

/** Asks for control, with a token for it. */
export async function take(
  t: World,
  peer: Wire,
  room: string,
  host: Wire,
  terminal_id: string,
  more: object = {},
): Promise<Frame> {
  const cap_token = await control(t, peer, room, host)
  return peer.ask('terminal.control.take', 'server', { terminal_id, cap_token, ...more })
}

/** Takes control, which has to be there to be had; returns the fence. */
export async function taken(...args: Parameters<typeof take>): Promise<number> {
  const granted = await take(...args)
  assert.equal(granted.type, 'terminal.control.granted', JSON.stringify(granted))
  return Number(granted.payload.fence)
}

/** Gives control back. */
export const release = (peer: Wire, terminal_id: string) =>
  peer.ask('terminal.control.release', 'server', { terminal_id })

/** The end of control, as the room hears of it. */
export const released = (peer: Wire, terminal_id: string, withinMs?: number) =>
  peer.next(
    ({ type, payload }) => type === 'terminal.control.released' && payload.terminal_id === terminal_id,
    withinMs,
  )

/** A room where a member shares a terminal, and two owners may control it. */
export async function shared(t: World) {
  const { room, users, peers } = await meet(t, 'owner', 'owner', 'member')
  const [a, b, host] = peers as [Wire, Wire, Wire]
  return { room, users, a, b, host, terminal_id: await share(host, room) }
}
