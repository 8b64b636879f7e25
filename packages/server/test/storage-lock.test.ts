import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import Database from 'better-sqlite3'
import { expect, test } from 'vitest'
import { startFaultyServer } from './faulty-server.ts'
import { quantile } from './nodes.ts'

/** For how many seconds somebody else holds the lock, in turn. More of them by hand: `MESH_LOCKS=1,4,10`. */
const holds = (process.env['MESH_LOCKS'] ?? '1,7').split(',').map(Number)

/** How long a write waits, in seconds. */
const patience = 5

test('while another process holds the write lock, writes wait up to 5 s and everything else not at all', async () => {
  let file = ''
  const server = await startFaultyServer({
    async place(dataDir) {
      file = join(dataDir, 'mesh.db')
      return dataDir
    },
  })
  // It is this process that holds it, and the server's that waits.
  const other = new Database(file)
  for (const hold of holds) {
    other.exec('begin immediate')
    const released = sleep(hold * 1_000).then(() => void other.exec('rollback'))
    const asked = server.say(`while it is held for ${hold} s`)
    const signals = server.signals(released)
    const begun = performance.now()
    expect(await server.stored()).toEqual(server.acknowledged)
    const read = performance.now() - begun
    const { came, ms } = await asked
    if (hold < patience) {
      expect(came).toBe('chat.message.created')
      expect(ms).toBeGreaterThan(hold * 900)
    } else {
      expect(came).toBe('UNAVAILABLE')
      expect(ms).toBeLessThan(patience * 1_000 + 1_000)
    }
    const took = await signals
    const worst = quantile(took, 0.99)
    process.stdout.write(
      `the lock was held for ${hold} s: a message ${came} after ${Math.round(ms)} ms; meanwhile a read took ${Math.round(read)} ms, ` +
        `signals ${worst.toFixed(1)} ms (p99 of ${took.length})\n`,
    )
    expect(worst).toBeLessThan(250)
    expect(read).toBeLessThan(1_000)
    await server.until(200, 2 * patience * 1_000)
    expect((await server.say(`after it was held for ${hold} s`)).came).toBe('chat.message.created')
    // Refused is refused: it does not turn up later.
    expect(await server.stored()).toEqual(server.acknowledged)
  }
  other.close()
  expect(server.child.exitCode).toBeNull()
}, 120_000)
