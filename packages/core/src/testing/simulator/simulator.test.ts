import { describe, expect, it } from 'vitest'
import { toInstant } from '../../encoder.ts'
import { createCluster, writeToken } from './cluster.ts'
import type { Wire } from './history.ts'
import { fingerprintOf, simulate, violationsOf } from './index.ts'
import { createNetwork } from './network.ts'
import { settle } from './simulate.ts'
import { createWorld } from './world.ts'

describe('a run', () => {
  it('repeats to the letter under the same seed, and differs under another', async () => {
    const prints = new Set<string>()
    for (const seed of [1, 2, 3, 4, 5]) {
      const print = fingerprintOf(await simulate({ seed }))
      expect(fingerprintOf(await simulate({ seed }))).toBe(print)
      prints.add(print)
    }
    expect(prints.size).toBe(5)
  })

  it('has clients that ask for each room once when their session begins', async () => {
    // Nothing breaks, so that nobody has to ask once more.
    const { entries } = await simulate({ seed: 1, plan: { faults: new Set() } })
    const joins = entries.flatMap((entry) =>
      entry.kind === 'send' && entry.frame.type === 'room.join' ? [`${entry.conn} ${entry.frame.id}`] : [],
    )
    expect(joins.length).toBeGreaterThan(0)
    expect(joins).toEqual([...new Set(joins)])
  })

  it('follows the plan it is given', async () => {
    const history = await simulate({ seed: 1, plan: { nodes: 1, faults: new Set() } })
    expect(history.entries.filter(({ kind }) => kind === 'fault')).toEqual([])
    expect(new Set(history.entries.flatMap((entry) => (entry.kind === 'open' ? [entry.node] : [])))).toEqual(
      new Set(['n0.1']),
    )
    expect(violationsOf(history)).toEqual([])
  })

  it('is judged only when whoever had a session on a node that died was told so', async () => {
    const world = createWorld(1, { nodes: 2, delays: { frame: 1, bus: 1, storage: 1 }, faults: new Set() })
    const cluster = createCluster(world)
    const network = createNetwork(world)
    cluster.start(0)
    cluster.start(1)
    const who = { client: 'ann', user_id: 'usr_ann', device_id: undefined, sid: '' }
    const account = { username: 'ann', hashed_password: null, admin: false, disabled: false, created_at: 0 }
    await cluster.storage.users.create({ user_id: who.user_id, ...account })
    who.sid = await cluster.login(who.user_id)
    const token = writeToken({ ...who, expires_at: world.clock.now() + 600_000 })
    const closes: number[] = []

    async function connect(place: number, resume?: object): Promise<Wire['payload']> {
      const node = cluster.places[place]
      if (!node) throw new Error('that node is down')
      const frames: Wire[] = []
      const closed = (code: number) => void closes.push(code)
      const line = network.connect(node, who, { message: (frame) => void frames.push(frame), closed })
      const hello = {
        id: world.ids.uuid(),
        timestamp: toInstant(world.clock.now()),
        to: 'server',
        payload: { token, resume },
      }
      line.send({ type: 'system.hello', ...hello })
      await world.pass(2_000)
      return frames[0]?.payload ?? {}
    }

    // The nodes have heard of each other lately, and everything that was to be said between them has been said.
    await world.pass(4_000)
    const { session_id, resume } = await connect(0)
    const shown = { session_id, token: (resume as { token: string }).token, received: 0 }
    expect((await connect(1, shown)).resumed).toBe(true)
    cluster.crash(0)
    closes.length = 0
    await settle(world, cluster)
    expect(closes).toEqual([1013])
  })
})
