import { grant, type World } from './kit.ts'
import type { Frame, TestClient } from './test-mesh.ts'

/** What the tests of terminals share. Not published. */

/** Shares a terminal and returns its id; an error throws. */
export async function share(host: TestClient, room_id: string, extra: object = {}): Promise<string> {
  const started = await host.ask('terminal.share.start', room_id, { room_id, title: 'build', ...extra })
  if (started.type !== 'terminal.share.started') throw new Error(`not started but ${started.code}`)
  return String(started.payload.terminal_id)
}

/** A capability token to control what a peer shares. */
export function controlOf(client: TestClient, room_id: string, host: TestClient, extra: object = {}): Promise<string> {
  return grant(client, room_id, ['terminal:control'], { target_peer_id: host.peer_id, ...extra })
}

/**
 * The world with bob as the host of a terminal, ann, the owner, and cleo, whom the room's policy lets control terminals.
 */
export async function createStage(w: World) {
  await w.setRole(w.cleo, 'member')
  await w.setCaps({ member: ['call', 'share:file', 'terminal:view', 'terminal:control'] })
  const [ann, bob, cleo] = [await w.enter(w.ann), await w.enter(w.bob), await w.enter(w.cleo)]
  const terminal_id = await share(bob, w.room)
  const take = async (client: TestClient, extra: object = {}): Promise<Frame> => {
    const cap_token = await controlOf(client, w.room, bob)
    return client.ask('terminal.control.take', 'server', { terminal_id, cap_token, ...extra })
  }
  return {
    ...w,
    peers: { ann, bob, cleo },
    terminal_id,
    take,
    /** Takes control and returns the fence; an error throws. */
    async control(client: TestClient, extra: object = {}): Promise<number> {
      const granted = await take(client, extra)
      if (granted.type !== 'terminal.control.granted') throw new Error(`not granted but ${granted.code}`)
      return Number(granted.payload.fence)
    },
    async renew(client: TestClient, fence: number): Promise<Frame> {
      const cap_token = await controlOf(client, w.room, bob)
      return client.ask('terminal.control.renew', 'server', { terminal_id, fence, cap_token })
    },
    release: (client: TestClient, extra: object = {}) =>
      client.ask('terminal.control.release', 'server', { terminal_id, ...extra }),
  }
}

export type Stage = Awaited<ReturnType<typeof createStage>>

/** What a client has heard of control: who got it and under which fence, and which grant ended why. */
export function controlHeard(client: TestClient): [fence: unknown, what: unknown][] {
  return client.frames.flatMap(({ type, payload }): [unknown, unknown][] => {
    if (type === 'terminal.control.granted') return [[payload.fence, payload.peer_id]]
    return type === 'terminal.control.released' ? [[payload.fence, payload.reason]] : []
  })
}

/** Asks under an id of the caller's choice, so that the same one can be asked twice. */
export function askAs(id: string, client: TestClient, type: string, to: string, payload: object): Promise<Frame> {
  client.send(type, to, payload, { id })
  return client.next((frame) => frame.reply_to === id)
}
