import { expect, test } from 'vitest'
import { MeshError } from './errors.ts'
import { createMemoryStorage } from './memory/storage.ts'
import { silentLogger, type AuditEntry, type AuditStore } from './ports/index.ts'
import { createManualClock } from './testing/manual-clock.ts'
import { createAudit } from './audit.ts'

function setUp() {
  const { audit: memory } = createMemoryStorage()
  const clock = createManualClock()
  const logged: unknown[] = []
  const logger = { ...silentLogger, error: (fields: object) => void logged.push(fields) }
  let fails = false
  const store: AuditStore = {
    ...memory,
    append: (entry) => (fails ? Promise.reject(new MeshError('UNAVAILABLE')) : memory.append(entry)),
  }
  const audit = createAudit({ store, clock, logger })
  const rows = async () =>
    (await memory.list({ limit: 10_000 })).map(({ action, actor, address, count }) => ({
      action,
      actor,
      address,
      count,
    }))
  return { audit, clock, logged, rows, fail: (on: boolean) => void (fails = on) }
}

const denied = (actor: string | undefined, action: AuditEntry['action'] = 'request.deny', address?: string) =>
  ({ action, outcome: 'denied', actor, address }) as const

test('what took effect is written each time; of refusals one at once, and their number at the end of the minute', async () => {
  const { audit, clock, rows } = setUp()
  for (let n = 0; n < 3; n++) await audit({ action: 'member.add', outcome: 'ok', actor: 'usr_a' })
  for (let n = 0; n < 500; n++) void audit(denied('usr_b'))
  void audit(denied('usr_c'))
  void audit(denied('usr_b', 'auth.login'))
  void audit(denied(undefined, 'auth.login', '192.0.2.1'))
  const added = { action: 'member.add', actor: 'usr_a' }
  expect(await rows()).toMatchObject([
    added,
    added,
    added,
    { action: 'request.deny', actor: 'usr_b', count: undefined },
    { action: 'request.deny', actor: 'usr_c' },
    { action: 'auth.login', actor: 'usr_b' },
    { action: 'auth.login', address: '192.0.2.1' },
  ])
  await clock.advance(60_000)
  expect((await rows()).slice(7)).toMatchObject([{ action: 'request.deny', actor: 'usr_b', count: 499 }])
  void audit(denied('usr_b'))
  expect(await rows()).toHaveLength(9)
  await audit.flush()
  expect(await rows(), 'one alone needs no number').toHaveLength(9)
})

test('a flood from very many actors is counted together', async () => {
  const { audit, rows } = setUp()
  for (let n = 0; n < 5_000; n++) void audit(denied(`usr_${n}`))
  expect(await rows()).toHaveLength(1_000)
  await audit.flush()
  expect((await rows()).slice(1_000)).toMatchObject([{ action: 'request.deny', actor: undefined, count: 4_000 }])
})

test('what cannot be written is logged and counted, and the log tells of it itself', async () => {
  const { audit, logged, rows, fail } = setUp()
  fail(true)
  await audit({ action: 'room.delete', outcome: 'ok', actor: 'usr_a' })
  await audit({ action: 'member.remove', outcome: 'ok', actor: 'usr_a' })
  expect(logged).toEqual([
    { action: 'room.delete', code: 'UNAVAILABLE', count: 1 },
    { action: 'member.remove', code: 'UNAVAILABLE', count: 2 },
  ])
  fail(false)
  await audit({ action: 'room.create', outcome: 'ok', actor: 'usr_a' })
  await audit({ action: 'room.create', outcome: 'ok', actor: 'usr_a' })
  expect(await rows()).toMatchObject([
    { action: 'audit.lost', actor: 'server', count: 2 },
    { action: 'room.create' },
    { action: 'room.create' },
  ])
})
