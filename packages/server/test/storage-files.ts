import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { NewEvent, Storage } from '@mesh/core'
import { sqlite, type SqliteOptions, type SqliteStorage } from '@mesh/server/sqlite'
import { onTestFinished } from 'vitest'

/** The path of a database file that does not exist yet, in a folder that goes when the test is over. */
export async function freshFile(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'mesh-storage-'))
  onTestFinished(() => rm(folder, { recursive: true, force: true }))
  return join(folder, 'data', 'mesh.db')
}

/** A storage on the file that is closed when the test is over. */
export async function openStorage(file: string, options?: SqliteOptions): Promise<SqliteStorage> {
  const storage = await sqlite(file, options)
  onTestFinished(() => storage.close())
  return storage
}

/** Adds a room that `usr_a` owns. */
export async function addRoom(storage: Storage, room_id: string): Promise<void> {
  await storage.users.ensure({ user_id: 'usr_a', username: 'a', created_at: 1 })
  await storage.rooms.create({ room_id, name: room_id, owner_user_id: 'usr_a', created_at: 2 }, chat('created'))
}

/** Appends a message of `usr_a`. */
export function append(storage: Storage, room_id: string, id: string, text = id) {
  return storage.events.append(room_id, chat(id, text), { user_id: 'usr_a' })
}

function chat(id: string, text = id): NewEvent {
  return { id, type: 'chat.message.created', from: 'usr_a', at: 3, payload: { text } }
}
