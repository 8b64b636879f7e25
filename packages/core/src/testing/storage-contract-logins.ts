import type { LoginStore, Storage } from '../ports/index.ts'
import { addUsers, range, rejects, same, type StorageCase } from './storage-contract-kit.ts'

const loginOf = (sid: string, user_id = 'usr_a') => ({
  sid,
  user_id,
  secret_hash: `${sid}-0`,
  created_at: 1_000,
  expires_at: 10_000,
})

async function withLogins({ users, logins }: Storage, ...sids: string[]): Promise<LoginStore> {
  await addUsers({ users } as Storage, 'usr_a')
  for (const sid of sids) await logins.create(loginOf(sid))
  return logins
}

/** What the port promises of logins. */
export const loginCases: readonly StorageCase[] = [
  {
    name: 'logins: a login is found as it was created; absence is undefined',
    async run(storage) {
      const logins = await withLogins(storage, 'sid_1')
      same(await logins.find('sid_1'), { ...loginOf('sid_1'), revoked_at: null }, 'find')
      same(await logins.find('sid_2'), undefined, 'unknown')
      await rejects(logins.create(loginOf('sid_1', 'usr_a')), 'the same id again')
      await rejects(logins.create(loginOf('sid_3', 'usr_nobody')), 'a login of nobody')
      same(await logins.find('sid_3'), undefined, 'nothing was written')
    },
  },
  {
    name: 'logins: rotate puts the next secret in place and moves the end',
    async run(storage) {
      const logins = await withLogins(storage, 'sid_1')
      const login = { ...loginOf('sid_1'), secret_hash: 'next', expires_at: 20_000, revoked_at: null }
      const change = { sid: 'sid_1', secret_hash: 'sid_1-0', next_hash: 'next', now: 9_999, expires_at: 20_000 }
      same(await logins.rotate(change), { outcome: 'rotated', login }, 'rotate')
      same(await logins.find('sid_1'), login, 'find')
      const again = { sid: 'sid_1', secret_hash: 'next', next_hash: 'third', now: 19_999, expires_at: 30_000 }
      same((await logins.rotate(again)).outcome, 'rotated', 'the new secret is good, past the former end')
    },
  },
  {
    name: 'logins: a secret that is not the current one kills the login',
    async run(storage) {
      const logins = await withLogins(storage, 'sid_1', 'sid_2')
      const change = { sid: 'sid_1', secret_hash: 'sid_1-0', next_hash: 'next', now: 2_000, expires_at: 20_000 }
      same((await logins.rotate(change)).outcome, 'rotated', 'first')
      same(await logins.rotate({ ...change, now: 3_000 }), { outcome: 'reused' }, 'reuse')
      same((await logins.find('sid_1'))?.revoked_at, 3_000, 'dead since the reuse')
      same((await logins.find('sid_1'))?.secret_hash, 'next', 'the secret of the second holder came to nothing')
      same(
        await logins.rotate({ ...change, secret_hash: 'next' }),
        { outcome: 'unknown' },
        'the current one is dead too',
      )
      same((await logins.find('sid_1'))?.revoked_at, 3_000, 'and the instant stays')
      same((await logins.find('sid_2'))?.revoked_at, null, 'other logins live')
    },
  },
  {
    name: 'logins: of 20 parallel rotations of one secret one wins, and then the login is dead',
    async run(storage) {
      const logins = await withLogins(storage, 'sid_1')
      const results = await Promise.all(
        range(1, 20).map((n) =>
          logins.rotate({ sid: 'sid_1', secret_hash: 'sid_1-0', next_hash: `n${n}`, now: 2_000, expires_at: 20_000 }),
        ),
      )
      const count = (outcome: string) => results.filter((result) => result.outcome === outcome).length
      same([count('rotated'), count('reused'), count('unknown')], [1, 1, 18], 'rotated, reused, unknown')
      same((await logins.find('sid_1'))?.revoked_at, 2_000, 'dead')
    },
  },
  {
    name: 'logins: an unknown or expired login rotates no more, and an old secret does not kill it again',
    async run(storage) {
      const logins = await withLogins(storage, 'sid_1')
      const change = { sid: 'sid_1', secret_hash: 'sid_1-0', next_hash: 'next', now: 10_000, expires_at: 20_000 }
      same(await logins.rotate(change), { outcome: 'unknown' }, 'expired in this very millisecond')
      same(await logins.rotate({ ...change, secret_hash: 'wrong' }), { outcome: 'unknown' }, 'expired, wrong secret')
      same((await logins.find('sid_1'))?.revoked_at, null, 'not revoked by that')
      same(await logins.rotate({ ...change, sid: 'sid_2', now: 2_000 }), { outcome: 'unknown' }, 'no such login')
    },
  },
  {
    name: 'logins: revoke ends one login, or all of a user, and names those it ended',
    async run(storage) {
      const logins = await withLogins(storage, 'sid_3', 'sid_1', 'sid_2')
      await addUsers(storage, 'usr_b')
      await logins.create(loginOf('sid_b', 'usr_b'))
      same(await logins.revoke({ sid: 'sid_2' }, 5_000), ['sid_2'], 'one')
      same((await logins.find('sid_2'))?.revoked_at, 5_000, 'revoked at')
      same(await logins.revoke({ sid: 'sid_2' }, 6_000), [], 'again')
      same((await logins.find('sid_2'))?.revoked_at, 5_000, 'the first instant stays')
      same((await logins.revoke({ user_id: 'usr_a' }, 7_000)).sort(), ['sid_1', 'sid_3'], 'the rest of the user')
      same(await logins.revoke({ user_id: 'usr_a' }, 8_000), [], 'none left')
      same(await logins.revoke({ sid: 'sid_none' }, 8_000), [], 'unknown')
      same((await logins.find('sid_b'))?.revoked_at, null, 'other users stay logged in')
      const change = { sid: 'sid_1', secret_hash: 'sid_1-0', next_hash: 'next', now: 7_001, expires_at: 20_000 }
      same(await logins.rotate(change), { outcome: 'unknown' }, 'a revoked login rotates no more')
    },
  },
]
