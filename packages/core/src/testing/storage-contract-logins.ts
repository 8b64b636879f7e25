import type { LoginStore, Rotation, Storage } from '../ports/index.ts'
import { addUsers, ok, range, rejects, same, type StorageCase } from './storage-contract-kit.ts'

const loginOf = (sid: string, user_id = 'usr_a') => ({
  sid,
  user_id,
  token_key: `${sid}-key`,
  secret_hash: `${sid}-0`,
  created_at: 1_000,
  expires_at: 10_000,
})

const unused = { parent_hash: null, generation: 0, rotated_at: 1_000, revoked_at: null }

/** The first refresh of the first login; a retry may come within 100 ms. */
const first: Rotation = {
  sid: 'sid_1',
  secret_hash: 'sid_1-0',
  generation: 0,
  next_hash: 'next',
  now: 2_000,
  expires_at: 20_000,
  grace_ms: 100,
}

async function withLogins({ users, logins }: Storage, ...sids: string[]): Promise<LoginStore> {
  await addUsers({ users } as Storage, 'usr_a')
  for (const sid of sids) await logins.create(loginOf(sid))
  return logins
}

function found<T>(value: T | undefined): T {
  ok(value !== undefined, 'it is there')
  return value
}

/** What the port promises of logins. */
export const loginCases: readonly StorageCase[] = [
  {
    name: 'logins: a login is found as it was created; absence is undefined',
    async run(storage) {
      const logins = await withLogins(storage, 'sid_1')
      same(await logins.find('sid_1'), { ...loginOf('sid_1'), ...unused }, 'find')
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
      const login = {
        ...loginOf('sid_1'),
        secret_hash: 'next',
        expires_at: 20_000,
        parent_hash: 'sid_1-0',
        generation: 1,
        rotated_at: 9_999,
        revoked_at: null,
      }
      same(await logins.rotate({ ...first, now: 9_999 }), { outcome: 'rotated', login }, 'rotate')
      same(await logins.find('sid_1'), login, 'find')
      const again = {
        ...first,
        secret_hash: 'next',
        generation: 1,
        next_hash: 'third',
        now: 19_999,
        expires_at: 30_000,
      }
      same((await logins.rotate(again)).outcome, 'rotated', 'the new secret is good, past the former end')
    },
  },
  {
    name: 'logins: the secret before may be shown again for a while, and its successor is replaced',
    async run(storage) {
      const logins = await withLogins(storage, 'sid_1')
      await logins.rotate(first)
      const retry = { ...first, next_hash: 'retried', now: 2_100, expires_at: 20_100 }
      same((await logins.rotate(retry)).outcome, 'rotated', 'in its last millisecond')
      const { secret_hash, parent_hash, generation, rotated_at } = found(await logins.find('sid_1'))
      same(
        { secret_hash, parent_hash, generation, rotated_at },
        { secret_hash: 'retried', parent_hash: 'sid_1-0', generation: 1, rotated_at: 2_000 },
        'the same generation, and no more time',
      )
      const replaced = { ...first, secret_hash: 'next', generation: 1, next_hash: 'none', now: 2_100 }
      same(await logins.rotate(replaced), { outcome: 'superseded' }, 'the successor that was replaced')
      const good = { ...replaced, secret_hash: 'retried', next_hash: 'third' }
      same((await logins.rotate(good)).outcome, 'rotated', 'the one in its place')
      same((await logins.rotate({ ...replaced, now: 2_101 })).outcome, 'reused', 'after that was used')
      same((await logins.find('sid_1'))?.revoked_at, 2_101, 'dead')
    },
  },
  {
    name: 'logins: what was used before kills the login',
    async run(storage) {
      const logins = await withLogins(storage, 'sid_1', 'sid_2', 'sid_3', 'sid_4')
      const second = { ...first, secret_hash: 'next', generation: 1, next_hash: 'third', now: 2_050 }
      const cases: [string, Rotation[], Rotation][] = [
        ['sid_1', [first], { ...first, now: 2_101 }],
        ['sid_2', [first, second], { ...first, now: 2_060 }],
        ['sid_3', [first, { ...first, next_hash: 'retried' }], { ...second, now: 2_101 }],
      ]
      for (const [sid, before, reuse] of cases) {
        const hash = reuse.secret_hash === 'sid_1-0' ? `${sid}-0` : reuse.secret_hash
        for (const rotation of before) {
          const secret_hash = rotation.secret_hash === 'sid_1-0' ? `${sid}-0` : rotation.secret_hash
          same((await logins.rotate({ ...rotation, sid, secret_hash })).outcome, 'rotated', `${sid}: before`)
        }
        same((await logins.rotate({ ...reuse, sid, secret_hash: hash })).outcome, 'reused', `${sid}: reuse`)
        const dead = await logins.find(sid)
        same(dead?.revoked_at, reuse.now, `${sid}: dead since the reuse`)
        const current = { ...reuse, sid, secret_hash: dead?.secret_hash ?? '', generation: dead?.generation ?? 0 }
        same(await logins.rotate(current), { outcome: 'unknown' }, `${sid}: the current one is dead too`)
        same((await logins.find(sid))?.revoked_at, reuse.now, `${sid}: and the instant stays`)
      }
      same((await logins.find('sid_4'))?.revoked_at, null, 'other logins live')
    },
  },
  {
    name: 'logins: the secret before is good for nothing once what came after it is confirmed',
    async run(storage) {
      const logins = await withLogins(storage, 'sid_1', 'sid_2')
      for (const sid of ['sid_1', 'sid_2']) await logins.rotate({ ...first, sid, secret_hash: `${sid}-0` })
      await logins.confirm('sid_1', 0)
      same((await logins.rotate({ ...first, next_hash: 'next' })).outcome, 'rotated', 'another generation')
      await logins.confirm('sid_1', 1)
      await logins.confirm('sid_none', 1)
      same((await logins.rotate(first)).outcome, 'reused', 'reuse')
      same(
        (await logins.rotate({ ...first, sid: 'sid_2', secret_hash: 'sid_2-0' })).outcome,
        'rotated',
        'another login',
      )
    },
  },
  {
    name: 'logins: of 50 parallel rotations of one secret one successor is left, and the login lives',
    async run(storage) {
      const logins = await withLogins(storage, 'sid_1')
      const hashes = range(1, 50).map((n) => `n${n}`)
      const results = await Promise.all(hashes.map((next_hash) => logins.rotate({ ...first, next_hash })))
      same(new Set(results.map(({ outcome }) => outcome)).size, 1, 'all alike')
      const outcomes: string[] = []
      const live = (await logins.find('sid_1'))?.secret_hash
      for (const secret_hash of hashes.filter((hash) => hash !== live)) {
        outcomes.push((await logins.rotate({ ...first, secret_hash, generation: 1, next_hash: 'x' })).outcome)
      }
      same([...new Set(outcomes)], ['superseded'], 'the others')
      same((await logins.find('sid_1'))?.revoked_at, null, 'alive')
      ok(live !== undefined && hashes.includes(live), 'one of them')
    },
  },
  {
    name: 'logins: a reuse beside a refresh leaves nothing alive, whichever comes first',
    async run(storage) {
      const sids = range(1, 100).map((n) => `sid_${n}`)
      const logins = await withLogins(storage, ...sids)
      const race = async (sid: string, index: number) => {
        const used = { ...first, sid, secret_hash: `${sid}-0` }
        await logins.rotate(used)
        const reuse = () => logins.rotate({ ...used, now: 3_000 })
        const refresh = () =>
          logins.rotate({ ...used, secret_hash: 'next', generation: 1, next_hash: 'third', now: 3_000 })
        await Promise.all(index % 2 === 0 ? [reuse(), refresh()] : [refresh(), reuse()])
        return (await logins.find(sid))?.revoked_at
      }
      same([...new Set(await Promise.all(sids.map(race)))], [3_000], 'all dead')
    },
  },
  {
    name: 'logins: an unknown or expired login rotates no more, nor does that of a disabled user',
    async run(storage) {
      const logins = await withLogins(storage, 'sid_1')
      same(await logins.rotate({ ...first, now: 10_000 }), { outcome: 'unknown' }, 'expired in this very millisecond')
      same(
        await logins.rotate({ ...first, now: 10_000, secret_hash: 'wrong' }),
        { outcome: 'unknown' },
        'wrong as well',
      )
      same((await logins.find('sid_1'))?.revoked_at, null, 'not revoked by that')
      same(await logins.rotate({ ...first, sid: 'sid_2' }), { outcome: 'unknown' }, 'no such login')
      await storage.users.update('usr_a', { disabled: true })
      same(await logins.rotate(first), { outcome: 'unknown' }, 'disabled')
      await storage.users.update('usr_a', { disabled: false })
      same((await logins.rotate(first)).outcome, 'rotated', 'back again')
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
      same(await logins.rotate({ ...first, now: 7_001 }), { outcome: 'unknown' }, 'a revoked login rotates no more')
    },
  },
]
