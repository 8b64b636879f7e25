import { range, same, type StorageCase } from './storage-contract-kit.ts'

/** What the port promises of revocations. */
export const revocationCases: readonly StorageCase[] = [
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
