import { once } from 'node:events'
import { sqlite } from '@mesh/server/sqlite'
import Database from 'better-sqlite3'
import { expect, test } from 'vitest'
import { addRoom, freshFile } from './storage-files.ts'
import { spawnChild } from './storage-spawn.ts'

const rounds = 50

test(
  `kill -9 while writing, ${rounds} times: what was acknowledged is there, once, and the log has no gap`,
  { timeout: 110_000 },
  async () => {
    const file = await freshFile()
    let acknowledged = 0
    let unacknowledged = 0
    for (let round = 1; round <= rounds; round += 1) {
      const room_id = `room_${round}`
      // Each round opens what the kill before it left behind.
      const before = await sqlite(file)
      await addRoom(before, room_id)
      await before.close()
      const acked = await writeUntilKilled(file, room_id)

      const after = await sqlite(file)
      const events = await after.events.list(room_id, { after: 1, limit: 100_000 })
      expect(events.map(({ seq }) => seq)).toEqual(events.map((_, index) => index + 2))
      expect((await after.rooms.find(room_id))?.seq).toBe(events.length + 1)
      await after.close()
      const times = new Map<string, number>()
      for (const { id } of events) times.set(id, (times.get(id) ?? 0) + 1)
      expect(acked.filter((id) => times.get(id) !== 1)).toEqual([])
      expect(integrityOf(file)).toBe('ok')
      acknowledged += acked.length
      unacknowledged += events.length - acked.length
    }
    console.info(
      `${rounds} kills: ${acknowledged} acknowledged, none lost; ${unacknowledged} written but not acknowledged`,
    )
    expect(acknowledged).toBeGreaterThan(rounds)
  },
)

/** The ids that a writing process had acknowledged when it was killed, 20 to 150 ms after the first. */
async function writeUntilKilled(file: string, room_id: string): Promise<string[]> {
  const child = spawnChild('write', file, room_id)
  let output = ''
  let killer: NodeJS.Timeout | undefined
  child.stdout?.setEncoding('utf8').on('data', (text: string) => {
    output += text
    killer ??= setTimeout(() => child.kill('SIGKILL'), 20 + Math.random() * 130)
  })
  const [, signal] = (await once(child, 'close')) as [number | null, string | null]
  expect(signal).toBe('SIGKILL')
  // The kill may have cut the last line.
  return output.slice(0, output.lastIndexOf('\n') + 1).split('\n').slice(0, -1)
}

function integrityOf(file: string): unknown {
  const database = new Database(file, { readonly: true })
  try {
    return database.pragma('integrity_check', { simple: true })
  } finally {
    database.close()
  }
}
