import { once } from 'node:events'
import type { Storage } from '@mesh/core'
import { readFile } from 'node:fs/promises'
import { sqlite } from '@mesh/server/sqlite'
import Database from 'better-sqlite3'
import { expect, test } from 'vitest'
import { addRoom, freshFile } from './storage-files.ts'
import { spawnChild } from './storage-spawn.ts'

/** More of them by hand. */
const rounds = Number(process.env['MESH_CRASH_ROUNDS'] ?? 15)

test(
  `kill -9 while writing, ${rounds} times: what was acknowledged is there, once, and the log has no gap`,
  { timeout: 3_600_000 },
  async () => {
    const file = await freshFile()
    await onStorage(file, (storage) => addRoom(storage, 'room_1'))
    let acknowledged = 0
    let written = 0
    for (let round = 1; round <= rounds; round += 1) {
      const room_id = `room_${round}`
      const acked = await writeUntilKilled(file, room_id)
      expect(integrityOf(file)).toBe('ok')
      // Opened as the kill left it, and left to the next round.
      written += await onStorage(file, async (storage) => {
        const events = await storage.events.list(room_id, { after: 1, limit: 100_000 })
        expect(events.map(({ seq }) => seq)).toEqual(events.map((_, index) => index + 2))
        expect((await storage.rooms.find(room_id))?.seq).toBe(events.length + 1)
        const times = new Map<string, number>()
        for (const { id } of events) times.set(id, (times.get(id) ?? 0) + 1)
        expect(acked.filter((id) => times.get(id) !== 1)).toEqual([])
        await addRoom(storage, `room_${round + 1}`)
        return events.length
      })
      acknowledged += acked.length
    }
    process.stdout.write(
      `${rounds} kills: ${acknowledged} writes acknowledged, none lost; ${written - acknowledged} more were written\n`,
    )
    expect(acknowledged).toBeGreaterThan(rounds)
  },
)

async function onStorage<T>(file: string, run: (storage: Storage) => Promise<T>): Promise<T> {
  const storage = await sqlite(file)
  try {
    return await run(storage)
  } finally {
    await storage.close()
  }
}

/** The ids that a writing process had acknowledged when it was killed, 20 to 150 ms after the first. */
async function writeUntilKilled(file: string, room_id: string): Promise<string[]> {
  const acks = `${file}.${room_id}.acks`
  const child = spawnChild('write', file, room_id, acks)
  const exit = once(child, 'exit')
  child.once('message', () => setTimeout(() => child.kill('SIGKILL'), 20 + Math.random() * 130))
  expect(await exit).toEqual([null, 'SIGKILL'])
  const noted = await readFile(acks, 'utf8')
  // The kill may have cut the last line.
  return noted
    .slice(0, noted.lastIndexOf('\n') + 1)
    .split('\n')
    .slice(0, -1)
}

function integrityOf(file: string): unknown {
  const database = new Database(file, { readonly: true })
  try {
    return database.pragma('integrity_check', { simple: true })
  } finally {
    database.close()
  }
}
