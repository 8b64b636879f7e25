import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { openWriter } from './open-writer.ts'

test('commits are durable: the pragmas hold after a write', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'mesh-storage-'))
  onTestFinished(() => rm(folder, { recursive: true, force: true }))
  const file = join(folder, 'mesh.db')
  await writeFile(file, '')
  const settings = { file, busyTimeoutMs: 5_000, maxBytes: undefined, groupRequests: 64, groupMs: 5 }
  const { database, db } = await openWriter(settings)
  try {
    await db.updateTable('mesh_room').set({ seq: 1 }).execute()
    const pragma = (name: string) => database.pragma(name, { simple: true })
    expect(pragma('journal_mode')).toBe('wal')
    expect(pragma('synchronous')).toBe(2)
    expect(pragma('foreign_keys')).toBe(1)
    expect(pragma('busy_timeout')).toBe(5_000)
    expect(pragma('trusted_schema')).toBe(0)
  } finally {
    database.close()
  }
})
