import { createMemoryStorage } from '../memory/storage.ts'
import type { NewEvent, Release, Storage } from '../ports/index.ts'
import {
  addRoom,
  addUsers,
  eventOf,
  gaplessSeq,
  ok,
  range,
  same,
  setRole,
  type StorageCase,
} from './storage-contract-kit.ts'

const host = { host_peer_id: 'peer_h', host_user_id: 'usr_a', host_device_id: null }
const size = { cols: 80, rows: 24 }
const fresh = { room_id: 'room_1', ...host, title: 'build 🚀', ...size, started_at: 10_000, alive_until: 70_000 }

const granted = (id: string): NewEvent => eventOf(id, 'terminal.control.granted')
const released = (id = 'released'): NewEvent => eventOf(id, 'terminal.control.released')
const endings = { released: released(), stopped: eventOf('stopped', 'terminal.share.stopped') }

async function withTerminal(storage: Storage, terminal: object = {}): Promise<void> {
  await addUsers(storage, 'usr_a', 'usr_b', 'usr_c')
  await addRoom(storage, 'room_1', 'usr_a')
  await setRole(storage, 'room_1', 'usr_b', 'member')
  await setRole(storage, 'room_1', 'usr_c', 'member')
  await start(storage, 'term_1', terminal)
}

const start = ({ terminals }: Storage, terminal_id: string, terminal: object = {}) =>
  terminals.start({ terminal_id, ...fresh, ...terminal }, eventOf(terminal_id, 'terminal.share.started'))

/** Somebody takes; the peer of `usr_b` is `peer_b`. The lease is for 15 s. */
function take({ terminals }: Storage, who: 'a' | 'b' | 'c', now: number, force = false) {
  const of = {
    terminal_id: 'term_1',
    peer_id: `peer_${who}`,
    user_id: `usr_${who}`,
    force,
    now,
    expires_at: now + 15_000,
  }
  return terminals.take(of, granted(`granted-${who}-${now}`))
}

function renew({ terminals }: Storage, who: 'a' | 'b' | 'c', fence: number, now: number) {
  const of = {
    terminal_id: 'term_1',
    peer_id: `peer_${who}`,
    user_id: `usr_${who}`,
    fence,
    now,
    expires_at: now + 15_000,
  }
  return terminals.renew(of)
}

const release = ({ terminals }: Storage, which: Omit<Release, 'terminal_id'>) =>
  terminals.release({ terminal_id: 'term_1', ...which }, released())

const fenceOf = (result: object) => ('fence' in result ? result.fence : result)
const outcomeOf = ({ outcome }: { outcome: string }) => outcome
const leaseOf = (peer: string, expires_at: number) => ({ peer_id: `peer_${peer}`, user_id: `usr_${peer}`, expires_at })

/** Numbers below `n` that are the same in every run. */
function createRandom(seed: number): (n: number) => number {
  let state = seed
  return (n) => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) | 0
    return (state >>> 8) % n
  }
}

/** What the port promises of terminals and of who controls them. */
export const terminalCases: readonly StorageCase[] = [
  {
    name: 'terminals: started, found, shown in the snapshot by age, stopped, each with its event',
    async run(storage) {
      const { terminals, rooms } = storage
      await withTerminal(storage)
      const first = { terminal_id: 'term_1', ...fresh, fence: 0, lease: null }
      same(await terminals.find('term_1'), first, 'find')
      const bare = { host_user_id: 'usr_b', host_device_id: 'dev_b', cols: null, rows: null, started_at: 9_000 }
      const event = { ...eventOf('term_2', 'terminal.share.started'), room_id: 'room_1', seq: 5 }
      same(await start(storage, 'term_2', bare), { outcome: 'started', event }, 'started')
      const second = { ...first, terminal_id: 'term_2', ...bare }
      await start(storage, 'term_0')
      const snapshot = await rooms.snapshot('room_1')
      same(snapshot?.terminals, [second, { ...first, terminal_id: 'term_0' }, first], 'snapshot')
      const ids = snapshot?.members.map(({ user_id }) => user_id)
      same([ids, snapshot?.room.seq], [['usr_a', 'usr_b', 'usr_c'], 6], 'members once')
      const stopped = { ...endings.stopped, room_id: 'room_1', seq: 7 }
      same(await terminals.stop({ terminal_id: 'term_0' }, endings), { outcome: 'stopped', stopped }, 'stopped')
      same(await terminals.find('term_0'), undefined, 'gone')
      same(await terminals.stop({ terminal_id: 'term_0' }, endings), { outcome: 'missing' }, 'stopped again')
      same((await rooms.snapshot('room_1'))?.terminals.length, 2, 'the others stay')
      same(await gaplessSeq(storage, 'room_1'), 7, 'seq')
    },
  },
  {
    name: 'terminals: every grant raises the fence and is an event that carries it; a release keeps it',
    async run(storage) {
      await withTerminal(storage)
      const first = await take(storage, 'b', 20_000)
      const expected = { ...granted('granted-b-20000'), payload: { text: 'granted-b-20000', fence: 1 } }
      same(first, { outcome: 'granted', fence: 1, event: { ...expected, room_id: 'room_1', seq: 5 } }, 'granted')
      const held = { terminal_id: 'term_1', ...fresh, fence: 1, lease: leaseOf('b', 35_000) }
      same(await storage.terminals.find('term_1'), held, 'find')
      same((await storage.rooms.snapshot('room_1'))?.terminals, [held], 'snapshot')
      same(await take(storage, 'c', 34_999), { outcome: 'conflict', terminal: held }, 'held by another')
      same(fenceOf(await take(storage, 'b', 21_000)), 2, 'its own again')
      same(fenceOf(await take(storage, 'c', 22_000, true)), 3, 'by force')
      same(fenceOf(await take(storage, 'b', 37_000)), 4, 'from the moment on at which the lease runs out')
      const free = { ...released(), payload: { text: 'released', fence: 4 }, room_id: 'room_1', seq: 9 }
      same(await release(storage, {}), { outcome: 'released', event: free }, 'released')
      same((await storage.terminals.find('term_1'))?.lease, null, 'nobody')
      same(fenceOf(await take(storage, 'c', 38_000)), 5, 'free')
      same(await gaplessSeq(storage, 'room_1'), 10, 'a refusal appends nothing')
    },
  },
  {
    name: 'terminals: of many who take at once exactly one gets it, with the next fence',
    async run(storage) {
      await withTerminal(storage)
      for (const round of range(1, 20)) {
        const now = round * 100
        const takers = (['a', 'b', 'c'] as const).map((who) => take(storage, who, now))
        const results = await Promise.all(takers)
        same(results.map(outcomeOf).sort(), ['conflict', 'conflict', 'granted'], 'outcomes')
        same((await storage.terminals.find('term_1'))?.fence, round, 'fence')
        same(outcomeOf(await release(storage, { fence: round })), 'released', 'given back')
      }
      await gaplessSeq(storage, 'room_1')
    },
  },
  {
    name: 'terminals: a lease is renewed by its holder, with its fence, before it runs out; nothing is appended',
    async run(storage) {
      await withTerminal(storage)
      same(outcomeOf(await renew(storage, 'b', 0, 20_000)), 'conflict', 'nobody holds it')
      await take(storage, 'b', 20_000)
      same(await renew(storage, 'b', 1, 30_000), { outcome: 'renewed' }, 'renewed')
      same((await storage.terminals.find('term_1'))?.lease, leaseOf('b', 45_000), 'put off')
      const held = { terminal_id: 'term_1', ...fresh, fence: 1, lease: leaseOf('b', 45_000) }
      same(await renew(storage, 'b', 2, 31_000), { outcome: 'conflict', terminal: held }, 'another fence')
      same(await renew(storage, 'c', 1, 31_000), { outcome: 'conflict', terminal: held }, 'another peer')
      same(outcomeOf(await renew(storage, 'b', 1, 45_000)), 'conflict', 'run out')
      same(outcomeOf(await renew(storage, 'b', 1, 70_000)), 'missing', 'dead')
      same(outcomeOf(await take(storage, 'c', 45_000)), 'granted', 'somebody else')
      same(outcomeOf(await renew(storage, 'b', 1, 44_000)), 'conflict', 'the former holder')
      same(await gaplessSeq(storage, 'room_1'), 6, 'seq')
    },
  },
  {
    name: 'terminals: a release ends the lease that it means and no other',
    async run(storage) {
      await withTerminal(storage)
      same(outcomeOf(await release(storage, {})), 'conflict', 'nobody holds it')
      await take(storage, 'b', 20_000)
      await take(storage, 'b', 20_000)
      const held = { terminal_id: 'term_1', ...fresh, fence: 2, lease: leaseOf('b', 35_000) }
      for (const which of [{ fence: 1 }, { holder: 'peer_c' }, { overdue: 34_999 }, { holder: 'peer_b', fence: 3 }]) {
        same(await release(storage, which), { outcome: 'conflict', terminal: held }, JSON.stringify(which))
      }
      same(outcomeOf(await release(storage, { member: 'usr_z' })), 'denied', 'asked for by somebody else')
      const both = await Promise.all([release(storage, { overdue: 35_000 }), release(storage, { overdue: 35_000 })])
      same(both.map(outcomeOf).sort(), ['conflict', 'released'], 'of two exactly one')
      await take(storage, 'b', 40_000)
      const asked = { holder: 'peer_b', fence: 3, member: 'usr_b' }
      same(outcomeOf(await release(storage, asked)), 'released', 'all of it is so')
      same(await gaplessSeq(storage, 'room_1'), 9, 'seq')
    },
  },
  {
    name: 'terminals: with a terminal its lease ends, the release first',
    async run(storage) {
      await withTerminal(storage)
      await take(storage, 'b', 20_000)
      const result = await storage.terminals.stop({ terminal_id: 'term_1', member: 'usr_a' }, endings)
      ok(result.outcome === 'stopped', result.outcome)
      same([result.released?.seq, result.stopped.seq], [6, 7], 'order')
      same(result.released?.payload, { text: 'released', fence: 1 }, 'the fence')
      same(outcomeOf(await take(storage, 'b', 21_000)), 'missing', 'take')
      same(outcomeOf(await renew(storage, 'b', 1, 21_000)), 'missing', 'renew')
      same(outcomeOf(await release(storage, {})), 'missing', 'release')
      same(await gaplessSeq(storage, 'room_1'), 7, 'seq')
    },
  },
  {
    name: 'terminals: who is no member at the moment of the write gets nothing',
    async run(storage) {
      await withTerminal(storage)
      const takes = range(1, 20).map((n) => take(storage, 'b', 20_000 + n))
      const removal = storage.rooms.removeMember({ room_id: 'room_1', user_id: 'usr_b' }, eventOf('removed'))
      const late = [...range(1, 20).map((n) => take(storage, 'b', 21_000 + n)), take(storage, 'b', 21_021, true)]
      const removed = await removal
      ok(removed.outcome === 'removed', removed.outcome)
      for (const result of await Promise.all([...takes, ...late])) {
        const early = result.outcome === 'granted' && result.event.seq < removed.event.seq
        ok(early || result.outcome === 'denied', 'granted before the removal, or denied')
      }
      same(outcomeOf(await renew(storage, 'b', 20, 22_000)), 'denied', 'renew')
      same(outcomeOf(await release(storage, { holder: 'peer_b', member: 'usr_b' })), 'denied', 'release')
      same(outcomeOf(await start(storage, 'term_2', { host_user_id: 'usr_b' })), 'denied', 'start')
      const stop = await storage.terminals.stop({ terminal_id: 'term_1', member: 'usr_b' }, endings)
      same(outcomeOf(stop), 'denied', 'stop')
      same(outcomeOf(await start(storage, 'term_2', { room_id: 'room_9' })), 'missing', 'no such room')
      const [latest] = await storage.events.before('room_1', { limit: 1 })
      same(latest?.seq, removed.event.seq, 'the removal is the last event')
      await gaplessSeq(storage, 'room_1')
    },
  },
  {
    name: 'terminals: in 500 random steps it decides exactly as the memory storage does',
    async run(storage) {
      const reference = createMemoryStorage()
      const random = createRandom(7)
      await Promise.all([withTerminal(storage), withTerminal(reference)])
      let now = 20_000
      for (const n of range(1, 500)) {
        const who = (['a', 'b', 'c'] as const)[random(3)] ?? 'a'
        const fence = ((await reference.terminals.find('term_1'))?.fence ?? 0) - random(2)
        const step = [
          (on: Storage) => take(on, who, now),
          (on: Storage) => take(on, who, now, true),
          (on: Storage) => renew(on, who, fence, now),
          (on: Storage) => release(on, { holder: `peer_${who}`, fence }),
          (on: Storage) => release(on, { fence, overdue: now }),
        ][Math.min(random(8), 4)]
        ok(step, 'a step')
        same(await step(storage), await step(reference), `step ${n}`)
        now += random(6_000)
        await Promise.all([storage, reference].map((on) => on.terminals.touch(['term_1'], now + 60_000)))
      }
      same(await storage.terminals.find('term_1'), await reference.terminals.find('term_1'), 'in the end')
      await gaplessSeq(storage, 'room_1')
    },
  },
  {
    name: 'terminals: what nobody vouches for is dead, and goes with the next one; a terminal of no member is not shown',
    async run(storage) {
      const { terminals, rooms } = storage
      await withTerminal(storage)
      await start(storage, 'term_2', { host_user_id: 'usr_b' })
      await terminals.touch([...range(100, 199).map((n) => `term_${n}`), 'term_2'], 130_000)
      await terminals.touch([], 200_000)
      const lives = (await rooms.snapshot('room_1'))?.terminals.map(({ alive_until }) => alive_until)
      same(lives, [70_000, 130_000], 'vouched for')
      same(outcomeOf(await take(storage, 'b', 69_999)), 'granted', 'alive')
      same(outcomeOf(await take(storage, 'b', 70_000)), 'missing', 'dead')
      same(outcomeOf(await take(storage, 'b', 70_000, true)), 'missing', 'dead, by force')
      await start(storage, 'term_3', { started_at: 70_000, alive_until: 130_000 })
      same(await terminals.find('term_1'), undefined, 'gone')
      const shown = async () => (await rooms.snapshot('room_1'))?.terminals.map(({ terminal_id }) => terminal_id)
      same(await shown(), ['term_2', 'term_3'], 'the living stay')
      await rooms.removeMember({ room_id: 'room_1', user_id: 'usr_b' }, eventOf('removed'))
      same(await shown(), ['term_3'], 'those of members')
      await rooms.delete('room_1')
      same(await terminals.find('term_3'), undefined, 'with the room')
      await terminals.touch(['term_3'], 1)
    },
  },
]
