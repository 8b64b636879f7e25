// A process that migrates a PostgreSQL database and kills itself after a number of statements: `<url> <number>`.
import { postgres, type PostgresPool } from '@mesh/server/postgres'
import pg from 'pg'

const [, , url = '', after = ''] = process.argv
const pool = new pg.Pool({ connectionString: url })
let left = Number(after)

const deadly: PostgresPool = {
  async connect() {
    const client = await pool.connect()
    return {
      async query(query) {
        // Typed for callers of the driver's own; what it takes and gives is the same.
        const result = (await client.query(query as pg.QueryConfig)) as {
          rows: unknown[]
          command: string
          rowCount: number
        }
        left -= 1
        if (left === 0) process.kill(process.pid, 'SIGKILL')
        return result
      },
      release: (destroy) => client.release(destroy),
    }
  },
  end: () => pool.end(),
}

const storage = await postgres(deadly)
await storage.close()
await pool.end()
process.disconnect()
