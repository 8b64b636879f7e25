import { addUsers, range, same, type StorageCase } from './storage-contract-kit.ts'

/** What the port promises of revocations. */
export const revocationCases: readonly StorageCase[] = [
  {
    name: 'revocations: whose access is over, and what of it: users, logins, devices, and what was revoked',
    async run(storage) {
      await addUsers(storage, 'usr_a', 'usr_b')
      const none = { user_ids: [], sids: [], device_ids: [] }
      const all = { user_ids: ['usr_a', 'usr_b', 'usr_x'], sids: ['sess_1', 'sess_2', 'sess_x'], device_ids: ['dev_x'] }
      for (const sid of ['sess_1', 'sess_2']) {
        const secret = { token_key: 'key', secret_hash: 'hash', created_at: 1_000, expires_at: 10_000 }
        await storage.logins.create({ sid, user_id: 'usr_a', ...secret })
      }
      const noDevice = { id: 'dev_x', before: Infinity }
      same(await storage.revocations.ended(all, 1_000), [noDevice], 'at first only what is not there')
      await storage.users.update('usr_b', { disabled: true })
      await storage.logins.revoke({ sid: 'sess_2' }, 2_000)
      for (const id of ['usr_a', 'sess_x']) await storage.revocations.add({ id, revoked_at: 2_345, expires_at: 9_000 })
      const gone = ['usr_b', 'sess_2'].map((id) => ({ id, before: Infinity }))
      const noted = [
        { id: 'sess_x', before: Infinity },
        { id: 'usr_a', before: 3_000 },
      ]
      const byId = [...gone, ...noted, noDevice].sort((a, b) => (a.id < b.id ? -1 : 1))
      same(await storage.revocations.ended(all, 8_999), byId, 'everything')
      same((await storage.revocations.ended(all, 9_000)).length, 3, 'without what has expired')
      same(await storage.revocations.ended({ ...none, user_ids: ['usr_a'] }, 8_999), noted.slice(1), 'one user')
      same(await storage.revocations.ended(none, 1_000), [], 'nobody was asked for')
    },
  },
  {
    name: 'revocations: those that are asked for are found, until they expire',
    async run({ revocations }) {
      const [a, b] = ['usr_a', 'sess_b'].map((id) => ({ id, revoked_at: 1_000, expires_at: 5_000 }))
      for (const revocation of [a, b]) if (revocation) await revocations.add(revocation)
      same(await revocations.find(['usr_a', 'sess_b', 'dev_c', 'usr_a'], 4_999), [b, a], 'each once, by id')
      same(await revocations.find(['usr_a'], 4_999), [a], 'one')
      same(await revocations.find(['usr_a', 'sess_b'], 5_000), [], 'expired in this very millisecond')
      same(await revocations.find([], 1_000), [], 'nobody was asked for')
    },
  },
  {
    name: 'revocations: of two on the same id the later ends of both count',
    async run({ revocations }) {
      await revocations.add({ id: 'usr_a', revoked_at: 1_000, expires_at: 9_000 })
      await revocations.add({ id: 'usr_a', revoked_at: 2_000, expires_at: 8_000 })
      same(await revocations.find(['usr_a'], 0), [{ id: 'usr_a', revoked_at: 2_000, expires_at: 9_000 }], 'both')
      await revocations.add({ id: 'usr_a', revoked_at: 1_500, expires_at: 9_500 })
      same(await revocations.find(['usr_a'], 0), [{ id: 'usr_a', revoked_at: 2_000, expires_at: 9_500 }], 'late news')
    },
  },
  {
    name: 'revocations: what has expired is forgotten when another is noted, and nothing else is',
    async run({ revocations }) {
      for (const n of range(1, 20)) await revocations.add({ id: `sess_${n}`, revoked_at: 0, expires_at: n * 100 })
      await revocations.add({ id: 'usr_a', revoked_at: 1_000, expires_at: 9_000 })
      const ids = range(1, 20).map((n) => `sess_${n}`)
      const left = (await revocations.find(ids, 0)).map(({ expires_at }) => expires_at)
      same(
        left,
        range(11, 20).map((n) => n * 100),
        'left over',
      )
    },
  },
]
