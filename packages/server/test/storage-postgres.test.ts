import { storageContract } from '@mesh/core/testing'
import { postgres } from '@mesh/server/postgres'
import { describe, test } from 'vitest'
import { createPglitePool } from './pglite-pool.ts'
import { createDatabase, hasPostgres } from './postgres-server.ts'

describe.runIf(hasPostgres)('postgres storage keeps the contract on a real server', { timeout: 60_000 }, async () => {
  const database = await createDatabase()
  test.each(storageContract)('$name', async ({ run }) => {
    const storage = await postgres(await database.schema())
    try {
      await run(storage)
    } finally {
      await storage.close()
    }
  })
})

describe('postgres storage keeps the contract on PGlite', { timeout: 60_000 }, async () => {
  const pglite = await createPglitePool()
  test.each(storageContract)('$name', async ({ run }) => {
    const storage = await postgres(await pglite.schema())
    try {
      await run(storage)
    } finally {
      await storage.close()
    }
  })
})
