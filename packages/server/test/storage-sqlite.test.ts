import { storageContract } from '@mesh/core/testing'
import { sqlite } from '@mesh/server/sqlite'
import { describe, test } from 'vitest'
import { freshFile } from './storage-files.ts'

describe('sqlite storage keeps the contract', () => {
  test.each(storageContract)('$name', async ({ run }) => {
    const storage = await sqlite(await freshFile())
    try {
      await run(storage)
    } finally {
      await storage.close()
    }
  })
})
