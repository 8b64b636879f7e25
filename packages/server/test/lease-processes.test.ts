import { fork, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import type { Storage } from '@mesh/core'
import { postgres } from '@mesh/server/postgres'
import { expect, onTestFinished, test } from 'vitest'
import { createDatabase, hasPostgres } from './postgres-server.ts'
import { addRoom, freshFile, openStorage } from './storage-files.ts'

/** More of them by hand: `MESH_LEASE_ROUNDS=1000`. */
const rounds = Number(process.env['MESH_LEASE_ROUNDS'] ?? 50)
/** How long control lasts here, and how long a process stands still: longer. */
const leaseMs = 250
const pauseMs = 350
const database = hasPostgres ? await createDatabase() : undefined
const program = fileURLToPath(new URL('lease-child.ts', import.meta.url))

/** What a process said of something it did; times are milliseconds since 1970. */
interface Said {
  outcome: string
  peer_id: string
  fence: number
  now: number
  expires_at: number
}

/** A process of its own that wants control. */
interface Rival {
  child: ChildProcess
  do(what: 'take' | 'renew' | 'release', fence?: number): Promise<Said>
}

async function createRival(name: 'a' | 'b', dialect: string, database: string): Promise<Rival> {
  const child = fork(program, [`peer_${name}`, 'usr_a', String(leaseMs), dialect, database], {
    execArgv: ['--conditions=@mesh/source'],
    stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
  })
  onTestFinished(() => void child.kill('SIGKILL'))
  const waiting: ((said: Said) => void)[] = []
  await once(child, 'message')
  child.on('message', (said: Said) => waiting.shift()?.(said))
  return {
    child,
    do(what, fence = 0) {
      child.send({ what, fence })
      return new Promise((resolve) => waiting.push(resolve))
    },
  }
}

/**
 * Two processes want the same terminal at the same instant, again and again, and stand still now and then for longer than
 * control lasts: while they hold it, and in the middle of taking it. What each was told is held against the rules.
 */
async function contend(storage: Storage, dialect: string, database: string): Promise<void> {
  await addRoom(storage, 'room_1')
  const host = { host_peer_id: 'peer_h', host_user_id: 'usr_a', host_device_id: null }
  const terminal = { terminal_id: 'term_1', room_id: 'room_1', title: 'x', cols: null, rows: null, ...host }
  const alive = { started_at: Date.now(), alive_until: Date.now() + 3_600_000 }
  const started = { id: 'started', type: 'terminal.share.started', from: 'peer_h', at: 0, payload: {} }
  await storage.terminals.start({ ...terminal, ...alive }, started)
  const rivals = [await createRival('a', dialect, database), await createRival('b', dialect, database)] as const

  const grants: Said[] = []
  /** Until when each fence was in force, as its holder was told at last. */
  const until = new Map<number, number>()
  const count = { stale: 0, paused: 0, afterExpiry: 0 }
  function note(said: Said): Said {
    if (said.outcome === 'granted') grants.push(said)
    if (said.outcome === 'granted' || said.outcome === 'renewed') until.set(said.fence, said.expires_at)
    if (said.outcome === 'released') until.delete(said.fence)
    return said
  }
  async function free(): Promise<void> {
    const { lease, fence } = (await storage.terminals.find('term_1')) ?? {}
    const holder = rivals[lease?.peer_id === 'peer_a' ? 0 : 1]
    if (lease && fence !== undefined) expect(note(await holder.do('release', fence)).outcome).toBe('released')
  }

  for (let round = 0; round < rounds; round++) {
    await free()
    // Every tenth time one of them is stopped while both are at it.
    const stopped = round % 10 === 5 ? rivals[round % 20 === 5 ? 0 : 1].child : undefined
    const asked = rivals.map((rival) => rival.do('take'))
    if (stopped) {
      await sleep(Math.random() * 4)
      stopped.kill('SIGSTOP')
      await sleep(pauseMs)
      stopped.kill('SIGCONT')
      count.paused++
    }
    const said = (await Promise.all(asked)).map(note)
    const outcomes = said.map(({ outcome }) => outcome).sort()
    if (!stopped) expect(outcomes).toEqual(['conflict', 'granted'])
    expect(outcomes).toContain('granted')
    const [holder, other] = said[0]?.outcome === 'granted' ? rivals : ([rivals[1], rivals[0]] as const)
    const fence = Math.max(...said.map((one) => one.fence))
    if (stopped || round % 10 !== 0) continue

    // It holds control, and has it renewed; then it stands still until another has it, and wants to go on.
    // A slow machine may be too late for that, and then it is refused.
    const before = until.get(fence) ?? 0
    const renewed = note(await holder.do('renew', fence))
    expect(renewed.outcome).toBe(renewed.now < before ? 'renewed' : 'conflict')
    holder.child.kill('SIGSTOP')
    const tooEarly = note(await other.do('take'))
    expect(tooEarly.outcome).toBe(tooEarly.now < (until.get(fence) ?? 0) ? 'conflict' : 'granted')
    await sleep(pauseMs)
    // Whoever has control by then, and takes it, has it anew.
    expect(note(await other.do('take'))).toMatchObject({
      outcome: 'granted',
      fence: Math.max(fence, tooEarly.fence) + 1,
    })
    count.afterExpiry++
    const stale = [holder.do('renew', fence), holder.do('release', fence)]
    holder.child.kill('SIGCONT')
    expect((await Promise.all(stale)).map(({ outcome }) => outcome)).toEqual(['conflict', 'conflict'])
    count.stale++
  }

  const holders = new Map<number, Set<string>>()
  for (const { fence, peer_id } of grants) holders.set(fence, (holders.get(fence) ?? new Set()).add(peer_id))
  const events = await storage.events.list('room_1', { after: 0, limit: 1_000_000 })
  const stored = events.flatMap(({ type, payload }) => (type === 'terminal.control.granted' ? [payload.fence] : []))
  const inTurn = [...grants].sort((one, next) => one.fence - next.fence)
  // Nobody was given control before that of the one before was over, as that one had been told, or had given it back.
  const early = inTurn.filter(({ fence, now }) => (until.get(fence - 1) ?? 0) > now)
  process.stdout.write(
    `${rounds} rounds on ${dialect}: ${grants.length} grants, ${[...holders.values()].filter(({ size }) => size > 1).length} fences with two holders, ` +
      `${early.length} given too early; ${count.afterExpiry} taken over from a process that stood still, ${count.stale} stale renewals, all refused; ` +
      `${count.paused} stopped while taking\n`,
  )
  expect(grants).toHaveLength(holders.size)
  expect(stored).toEqual(inTurn.map(({ fence }) => fence))
  expect(stored).toEqual(stored.map((_, index) => index + 1))
  expect(early).toEqual([])
}

test.runIf(database)(
  'of two processes that take control at the same instant one gets it, and no fence has two holders, on PostgreSQL',
  { timeout: 600_000 },
  async () => {
    const url = (await database?.schema()) ?? ''
    const storage = await postgres(url)
    onTestFinished(() => storage.close())
    await contend(storage, 'postgres', url)
  },
)

test('nor on SQLite', { timeout: 600_000 }, async () => {
  const file = await freshFile()
  await contend(await openStorage(file), 'sqlite', file)
})
