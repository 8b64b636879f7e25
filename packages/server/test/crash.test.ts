import { postgres } from '@mesh/server/postgres'
import { describe, it } from 'vitest'
import { crash } from './crash-rounds.ts'
import { createDatabase, hasPostgres } from './postgres-server.ts'

/** More of them by hand: `MESH_CRASH_ROUNDS=300`. */
const rounds = Number(process.env['MESH_CRASH_ROUNDS'] ?? 0)

it(
  'loses nothing acknowledged when it is killed in the middle of a burst, on SQLite',
  { timeout: 3_600_000 },
  async () => {
    await crash(rounds || 30)
  },
)

describe.runIf(hasPostgres)('and on PostgreSQL', async () => {
  const { url } = await createDatabase()
  it('neither', { timeout: 3_600_000 }, () => crash(rounds || 10, { MESH_DATABASE_URL: url }, () => postgres(url)))
})
