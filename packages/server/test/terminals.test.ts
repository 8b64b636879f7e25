import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { sqlite } from '@mesh/server/sqlite'
import { expect, onTestFinished, test } from 'vitest'
import { addRoom, freshFile } from './storage-files.ts'
import { createRig, type Rig, type Wire } from './support.ts'

/** An owner and a member in a room; the owner shares a terminal, and the policy lets members control terminals. */
async function setUp(rig: Rig) {
  const [owner, member] = [await rig.account('olga'), await rig.account('mika')]
  const created = await rig.rest('POST', '/api/v1/rooms', { name: 'Room' }, owner.access_token)
  const room = String(created.body.room_id)
  const path = `/api/v1/rooms/${room}/members/${member.user_id}`
  const add = () => rig.rest('PUT', path, { role: 'member' }, owner.access_token)
  const remove = () => rig.rest('DELETE', path, undefined, owner.access_token)
  const policy = { caps: { member: ['terminal:control'] } }
  await rig.rest('PATCH', `/api/v1/rooms/${room}`, { policy }, owner.access_token)
  await add()
  const [host, guest] = [await rig.open(), await rig.open()]
  await host.hello(owner.access_token)
  await guest.hello(member.access_token)
  await host.ask('room.join', room, {})
  const started = await host.ask('terminal.share.start', room, { room_id: room, title: 'build', cols: 80, rows: 24 })
  return { owner, room, add, remove, host, guest, terminal_id: String(started.payload.terminal_id) }
}

async function take(guest: Wire, host: Wire, room_id: string, terminal_id: string) {
  const wanted = { room_id, caps: ['terminal:control'], target_peer_id: host.peer_id }
  const { payload } = await guest.ask('capability.request', 'server', wanted)
  return guest.ask('terminal.control.take', 'server', { terminal_id, cap_token: payload.token })
}

test('whoever is removed has lost control within 100 ms, and the host knows it', async ({ annotate }) => {
  const rig = await createRig()
  onTestFinished(() => rig.close())
  const { room, add, remove, host, guest, terminal_id } = await setUp(rig)
  const delays: number[] = []
  for (let round = 1; round <= 20; round++) {
    await guest.ask('room.join', room, {})
    expect((await take(guest, host, room, terminal_id)).payload).toMatchObject({ fence: round })
    const started = performance.now()
    const gone = remove()
    const { payload } = await host.next('terminal.control.released')
    delays.push(performance.now() - started)
    expect(payload).toMatchObject({ terminal_id, fence: round, reason: 'revoked' })
    expect((await gone).status).toBe(204)
    await guest.next('room.left')
    await add()
  }
  delays.sort((a, b) => a - b)
  const [median, worst] = [delays[10] ?? Infinity, delays.at(-1) ?? Infinity]
  await annotate(`removal to released: median ${median.toFixed(1)} ms, worst ${worst.toFixed(1)} ms`)
  expect(median).toBeLessThan(100)
})

test('a server that stops ends what its peers shared', async () => {
  const dataDir = await mkdtemp(join(tmpdir(), 'mesh-terminals-'))
  onTestFinished(() => rm(dataDir, { recursive: true, force: true }))
  const first = await createRig({ dataDir })
  const { owner, room, host, guest, terminal_id } = await setUp(first)
  await guest.ask('room.join', room, {})
  await take(guest, host, room, terminal_id)
  await first.close()

  const second = await createRig({ dataDir })
  onTestFinished(() => second.close())
  const { body } = await second.rest('GET', `/api/v1/rooms/${room}/events?limit=100`, undefined, owner.access_token)
  const events = body.data as { type: string; payload: Record<string, unknown> }[]
  expect(events.slice(-2)).toMatchObject([
    { type: 'terminal.control.released', payload: { terminal_id, fence: 1 } },
    { type: 'terminal.share.stopped', payload: { terminal_id } },
  ])
  const again = await second.open()
  await again.hello(owner.access_token)
  expect((await again.ask('room.join', room, {})).payload.terminals).toEqual([])
})

test('a fence rises on where it stood, over restarts of the server', async () => {
  const file = await freshFile()
  const terminal = { terminal_id: 'term_1', room_id: 'room_1', title: 'x', cols: null, rows: null }
  const host = { host_peer_id: 'peer_h', host_user_id: 'usr_a', host_device_id: null }
  const event = { id: 'e', type: 'terminal', from: 'server', at: 0, payload: {} }
  const take = { terminal_id: 'term_1', peer_id: 'peer_a', user_id: 'usr_a', force: false }
  const fences: unknown[] = []
  for (const round of [0, 1, 2, 3]) {
    const storage = await sqlite(file)
    if (round === 0) {
      await addRoom(storage, 'room_1')
      await storage.terminals.start({ ...terminal, ...host, started_at: 0, alive_until: 1_000_000 }, event)
    }
    const now = round * 20_000
    const granted = await storage.terminals.take({ ...take, now, expires_at: now + 15_000 }, event)
    fences.push('fence' in granted ? granted.fence : granted)
    if (round % 2 === 0) await storage.terminals.release({ terminal_id: 'term_1' }, event)
    await storage.close()
  }
  expect(fences).toEqual([1, 2, 3, 4])
})
