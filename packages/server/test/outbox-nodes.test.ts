import { fork, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { createMesh } from '@mesh/server'
import { gotify } from '@mesh/server/gotify'
import { postgres } from '@mesh/server/postgres'
import pg from 'pg'
import { describe, expect, onTestFinished, test, vi } from 'vitest'
import { createGotifyServer } from './gotify-server.ts'
import { createDatabase, hasPostgres } from './postgres-server.ts'

const program = fileURLToPath(new URL('outbox-child.ts', import.meta.url))
const patient = { timeout: 20_000, interval: 50 }
/** How many people are told; more by hand. */
const people = Number(process.env['MESH_ROUNDS'] ?? 40)

describe.runIf(hasPostgres)('an outbox of several nodes', async () => {
  const database = hasPostgres ? await createDatabase() : undefined

  /** A room whose members are all away, and a node that writes to the outbox and delivers nothing. */
  async function setUp() {
    const url = (await database?.schema()) ?? ''
    const dataDir = await mkdtemp(join(tmpdir(), 'mesh-outbox-'))
    onTestFinished(() => rm(dataDir, { recursive: true, force: true }))
    const names = Array.from({ length: people }, (_, n) => `user${n}`)
    const service = await createGotifyServer(...names)
    onTestFinished(() => service.close())
    const mesh = await createMesh({
      dataDir,
      storage: await postgres(url),
      notifier: gotify({ url: service.url }),
      deliveries: { isActive: false, quietMs: 0 },
    })
    onTestFinished(() => mesh.close())
    const owner = (await mesh.tokens.mint({ user: { id: 'owner', name: 'owner' } })).user_id
    const { room_id } = await mesh.rooms.create(owner, 'Lab')
    for (const id of names) {
      const { user_id } = await mesh.tokens.mint({ user: { id, name: id } })
      await mesh.rooms.setMember('administrator', room_id, user_id, 'member')
      await mesh.notifications.set(user_id, id)
    }
    return {
      service,
      names,
      waiting: async () => (await mesh.storage.deliveries.backlog()).reduce((sum, { waiting }) => sum + waiting, 0),
      /** The owner says something, as the engine would write it down. */
      async say() {
        const at = Date.now()
        const delivery = { channel: 'notify', topic: `chat ${owner} `, kind: 'chat', from_id: owner, due_at: at }
        const event = { id: crypto.randomUUID(), type: 'chat.message.created', from: owner, at, payload: {} }
        await mesh.storage.events.append(room_id, { ...event, deliveries: [delivery] }, { user_id: owner })
      },
      async node() {
        const child = fork(program, [dataDir, url, service.url], {
          execArgv: ['--conditions=@mesh/source'],
          stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
        })
        onTestFinished(() => void child.kill('SIGKILL'))
        await once(child, 'message')
        return child
      },
    }
  }

  test('of two nodes that reach for one delivery in the same instant one gets it', async () => {
    const at = new URL((await database?.schema()) ?? '')
    // By which they are told from what other tests do at the same time.
    at.searchParams.set('application_name', `reaching ${process.pid}`)
    const url = at.href
    const nodes = [await postgres(url), await postgres(url)]
    // Within a transaction it would always see the same of the others.
    const [holder, watcher] = [new pg.Client(url), new pg.Client(url)]
    for (const client of [holder, watcher]) await client.connect()
    onTestFinished(async () => {
      for (const client of [holder, watcher]) await client.end()
      for (const node of nodes) await node.close()
    })
    const wanted = { channel: 'notify', topic: 'one', kind: 'chat', due_at: 0 }
    await nodes[0]?.deliveries.add(wanted, 0)
    await holder.query('begin')
    await holder.query('select 1 from mesh_delivery for update')
    const claims = nodes.map(({ deliveries }, n) =>
      deliveries.claim({ channel: 'notify', claim: `node ${n}`, now: 1, until: 30_000 }),
    )
    const waiting = `select 1 from pg_stat_activity where wait_event_type = 'Lock' and application_name = $1`
    await vi.waitFor(async () => expect((await watcher.query(waiting, [`reaching ${process.pid}`])).rowCount).toBe(2), {
      timeout: 1_500,
      interval: 20,
    })
    await holder.query('commit')
    expect((await Promise.all(claims)).filter((claim) => claim !== undefined)).toHaveLength(1)
  })

  const sentBy = async (child: ChildProcess): Promise<number> => {
    const answer = once(child, 'message')
    child.send('how many?')
    return Number((await answer)[0])
  }

  test('each delivery is made by one of them, and they share the work', { timeout: 60_000 }, async () => {
    const { service, names, waiting, say, node } = await setUp()
    const nodes = await Promise.all([node(), node()])
    await say()
    await vi.waitFor(() => expect(new Set(service.messages.map(({ token }) => token)).size).toBe(people), patient)
    await vi.waitFor(async () => expect(await waiting()).toBe(0), patient)
    const shares = await Promise.all(nodes.map(sentBy))
    // oxlint-disable-next-line no-console -- the figures are the point
    console.log('deliveries by each node', shares, 'requests', service.requests)
    expect(service.messages.map(({ token }) => token).sort()).toEqual([...names].sort())
    expect(service.requests).toBe(people)
    expect(Math.min(...shares)).toBeGreaterThan(0)
  })

  test(
    'what a node was about when it was killed is made by another; at most that arrives twice',
    { timeout: 60_000 },
    async () => {
      const { service, names, waiting, say, node } = await setUp()
      const first = await node()
      // It has taken what comes, and whoever sent it never hears of that.
      service.mode = 'hang'
      await say()
      await vi.waitFor(() => expect(service.requests).toBe(4), patient)
      const died = once(first, 'exit')
      first.kill('SIGKILL')
      await died
      const held = await waiting()
      service.mode = 'well'
      const killedAt = performance.now()
      const second = await node()
      await vi.waitFor(async () => expect(await waiting()).toBe(0), patient)
      const tookMs = Math.round(performance.now() - killedAt)
      const told = service.messages.map(({ token }) => token)
      // oxlint-disable-next-line no-console -- the figures are the point
      console.log(
        'killed with',
        held,
        'waiting; all told by the other',
        tookMs,
        'ms later, in',
        service.requests,
        'requests',
      )
      expect(held).toBe(people)
      expect(told.sort()).toEqual([...names].sort())
      // Those four were with the service when the node died: had it taken them, they would be there twice.
      expect(service.requests).toBe(people + 4)
      expect(await sentBy(second)).toBe(people)
    },
  )
})
