import { describe, test } from 'vitest'
import { storageContract } from '../testing/storage-contract.ts'
import { createMemoryStorage } from './storage.ts'

describe('memory storage', () => {
  test.each(storageContract)('$name', async ({ run }) => {
    await run(createMemoryStorage())
  })
})
