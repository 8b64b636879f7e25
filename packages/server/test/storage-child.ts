// A second process for the storage tests: `<what> <file> [room_id]`. Says `ready` and waits for a message before it acts.
import { once } from 'node:events'
import { writeSync } from 'node:fs'
import { sqlite } from '@mesh/server/sqlite'
import Database from 'better-sqlite3'

const [, , what, file = '', room_id = ''] = process.argv

/** Holds the write lock from `go` on for a second. */
async function hold(): Promise<void> {
  const database = new Database(file)
  await go()
  database.exec('begin immediate')
  process.send?.('held')
  await new Promise((resume) => setTimeout(resume, 1_000))
  database.exec('rollback')
  database.close()
}

/** Opens the storage, which may have no schema yet, and closes it. */
async function open(): Promise<void> {
  await go()
  const storage = await sqlite(file)
  await storage.ready()
  await storage.close()
}

/** Appends without end, eight at a time, and prints each id once it is acknowledged. */
async function write(): Promise<void> {
  const storage = await sqlite(file)
  const lane = async (name: string) => {
    for (let n = 1; ; n += 1) {
      const id = `${name}${n}`
      const event = { id, type: 'chat.message.created', from: 'usr_a', at: 3, payload: { text: id } }
      const { outcome } = await storage.events.append(room_id, event, { user_id: 'usr_a' })
      // Not through a stream, whose buffer would die with the process.
      if (outcome === 'appended') writeSync(1, `${id}\n`)
    }
  }
  await Promise.all(Array.from('abcdefgh', lane))
}

async function go(): Promise<void> {
  process.send?.('ready')
  await once(process, 'message')
}

const actions: Record<string, () => Promise<void>> = { hold, open, write }
await actions[what ?? '']?.()
// The channel to the parent would keep the process alive.
if (process.connected) process.disconnect()
