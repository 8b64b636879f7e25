import Database from 'better-sqlite3'
import { expect, test, vi } from 'vitest'
import { freshFile, openStorage } from './storage-files.ts'

test('reads about any number of people compile few statements, each of which is kept', async () => {
  const storage = await openStorage(await freshFile())
  const prepared = vi.spyOn(Database.prototype, 'prepare')
  for (let count = 1; count <= 100; count += 1) {
    const ids = Array.from({ length: count }, (_, n) => `id_${n}`)
    const ended = await storage.revocations.ended({ user_ids: ids, sids: ids, device_ids: ids }, 1)
    expect(ended.map(({ id }) => id)).toEqual(ids.toSorted())
  }
  // Four of them, for each of the lengths that lists are filled up to.
  expect(prepared.mock.calls.length).toBeLessThanOrEqual(4 * 9)
  prepared.mockRestore()
})
