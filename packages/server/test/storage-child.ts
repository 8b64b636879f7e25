// A second process for the storage tests: `<what> <file> [room_id] [acks]`. `hold` and `open` say `ready` and
// wait for a message before they act.
import { once } from 'node:events'
import { openSync, writeSync } from 'node:fs'
import { sqlite } from '@mesh/server/sqlite'
import Database from 'better-sqlite3'

const [, , what, file = '', room_id = '', acks = ''] = process.argv

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

/** Appends without end, eight at a time, and notes each id in the file `acks` once it is acknowledged. */
async function write(): Promise<void> {
  const storage = await sqlite(file)
  const noted = openSync(acks, 'a')
  let first = true
  const lane = async (name: string) => {
    for (let n = 1; ; n += 1) {
      const id = `${name}${n}`
      const event = { id, type: 'chat.message.created', from: 'usr_a', at: 3, payload: { text: id } }
      const { outcome } = await storage.events.append(room_id, event, { user_id: 'usr_a' })
      if (outcome !== 'appended') throw new Error(`${id}: ${outcome}`)
      // A stream's buffer would die with the process, and a pipe that the parent is slow to empty refuses the write.
      writeSync(noted, `${id}\n`)
      if (first) process.send?.('writing')
      first = false
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
