import { connect } from 'node:net'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { createMesh } from '@mesh/server'
import { expect, it } from 'vitest'
import { prepare, startStandalone } from './standalone.ts'
import { open, type Wire } from './support.ts'

const rate = { burst: 100_000, per_s: 100_000 }
const limits = {
  attempts: { handshake: rate },
  classes: { chat: rate, other: rate },
  frames: rate,
  bytes: { burst: 10_000_000, per_s: 10_000_000 },
  connections_per_user: 1_000,
  connections_per_address: 1_000,
  unauthenticated_per_address: 1_000,
}

/** A server with one user in one room; `drainS` is how long it may take to stop. */
async function start(drainS: number) {
  const made = await prepare(async (mesh) => {
    const { user_id, access_token } = await mesh.tokens.mint({ user: { id: 'ann', name: 'ann' } })
    const { room_id } = await mesh.rooms.create(user_id, 'Drained')
    return { room: room_id, token: access_token }
  })
  const env = { MESH_DRAIN_S: String(drainS), MESH_LIMITS: JSON.stringify(limits) }
  const server = await startStandalone(made.dataDir, env)
  const ws = `${server.url.replace('http', 'ws')}/ws`
  const enter = async (): Promise<Wire> => {
    const wire = await open(ws)
    await wire.hello(made.token)
    expect((await wire.ask('room.join', made.room, {})).type).toBe('room.joined')
    return wire
  }
  return { ...made, ...server, ws, enter }
}

it(
  'SIGTERM sends 200 clients elsewhere, one after the other, and loses nothing acknowledged',
  {
    timeout: 60_000,
  },
  async () => {
    const { dataDir, room, child, url, monitorUrl, ws, exited, enter } = await start(3)
    const wires: Wire[] = []
    for (let i = 0; i < 200; i++) wires.push(await enter())
    const [writer] = wires.slice(-1)
    const acknowledged: string[] = []
    writer?.socket.on('message', (data) => {
      const { type, reply_to, payload } = JSON.parse(String(data)) as Wire['frames'][number]
      if (type === 'chat.message.created' && reply_to !== undefined) acknowledged.push(String(payload.text))
    })
    const stopWriting = setInterval(() => {
      if (writer?.socket.readyState !== writer?.socket.OPEN) return
      for (let i = 0; i < 2; i++) writer?.send('chat.message.send', room, { text: crypto.randomUUID() })
    }, 20)
    await sleep(300)

    const closes: { code: number; after: number }[] = []
    const at = performance.now()
    for (const wire of wires) void wire.closed.then((code) => closes.push({ code, after: performance.now() - at }))
    child.kill('SIGTERM')
    await Promise.all(wires.map((wire) => wire.next('system.draining')))
    const ready = await fetch(`${url}/readyz`)
    expect([ready.status, await ready.json()]).toMatchObject([503, { code: 'UNAVAILABLE' }])
    const reasons = await (await fetch(`${monitorUrl}/readyz`)).json()
    expect(reasons).toEqual({ status: 'unavailable', checks: { bus: true, accepting: false } })
    await expect(open(ws)).rejects.toThrow('503')

    const { code } = await exited
    clearInterval(stopWriting)
    const took = performance.now() - at
    expect(code).toBe(0)
    expect(new Set(closes.map((close) => close.code))).toEqual(new Set([1012]))
    const delays = wires.map(({ frames }) => {
      return Number(frames.find(({ type }) => type === 'system.draining')?.payload.reconnect_after_ms)
    })
    expect(new Set(delays).size).toBe(200)
    expect(Math.max(...delays)).toBeGreaterThan(2_900)
    // Each tenth of the time has its share, give or take what a busy machine puts off.
    const tenths = Array.from({ length: 10 }, (_, i) => {
      return closes.filter(({ after }) => Math.min(9, Math.floor(after / 300)) === i).length
    })
    expect(Math.max(...tenths)).toBeLessThan(100)
    expect(tenths.filter((count) => count > 0).length).toBeGreaterThanOrEqual(7)
    expect(took).toBeLessThan(8_000)

    const mesh = await createMesh({ dataDir })
    const stored = new Set<string>()
    for (let after = 0, page = 1; page > 0;) {
      const events = await mesh.storage.events.list(room, { after, limit: 1_000 })
      for (const { payload } of events) stored.add(String(payload.text))
      page = events.length
      after = events.at(-1)?.seq ?? after
    }
    await mesh.close()
    const lost = acknowledged.filter((text) => !stored.has(text))
    // oxlint-disable-next-line no-console -- the figures are the point
    console.log(
      `200 sockets closed within ${Math.round(took)} ms, by tenths of the window ${tenths.join(' ')}; ` +
        `${acknowledged.length} messages acknowledged, ${lost.length} lost`,
    )
    expect(acknowledged.length).toBeGreaterThan(30)
    expect(lost).toEqual([])
  },
)

it('a server is not ready from the signal on, though an administrator has something under way', async () => {
  const { child, dataDir, url, exited } = await start(1)
  const administrator = connect(join(dataDir, 'mesh.sock'))
  administrator.on('error', () => {})
  administrator.write('POST /admin HTTP/1.1\r\nhost: mesh\r\ncontent-length: 9\r\n\r\n{')
  await sleep(200)
  child.kill('SIGTERM')
  await sleep(300)
  expect((await fetch(`${url}/readyz`)).status).toBe(503)
  expect((await exited).code).toBe(0)
})

it('a second signal ends the process at once', async () => {
  const { child, exited, enter } = await start(60)
  const wire = await enter()
  child.kill('SIGTERM')
  await wire.next('system.draining')
  child.kill('SIGTERM')
  expect(await exited).toEqual({ code: 143, signal: null })
})

it('a fault that nobody foresaw is logged without its message; clients are sent elsewhere, and the exit code is 1', async () => {
  const { child, exited, enter, log } = await start(60)
  const wire = await enter()
  const at = performance.now()
  child.send('a secret')
  await wire.next('system.draining')
  expect(await wire.closed).toBe(1012)
  expect((await exited).code).toBe(1)
  expect(performance.now() - at).toBeLessThan(4_000)
  expect(log.filter((line) => line.includes('"level":50'))).toEqual([expect.stringContaining('standalone-child.ts')])
  expect(log.join('\n')).not.toContain('a secret')
})
