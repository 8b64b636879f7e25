// The thread that owns the write connection. Of @mesh/core it loads the small entries it needs and no more: all of it takes
// longer to load than everything else here together.
import { parentPort, receiveMessageOnPort, workerData } from 'node:worker_threads'
import { failureOf } from './failure-of.ts'
import { createGroupCommit } from './group-commit.ts'
import type { FromWriter, ToWriter, WriteRequest, WriterSettings } from './messages.ts'
import { openWriter, RefusedDatabase } from './open-writer.ts'

const settings = workerData as WriterSettings
const port = parentPort
if (!port) throw new Error('This module is the writer thread of the SQLite storage; it does not run by itself')

const tell = (message: FromWriter) => port.postMessage(message)
const queue: WriteRequest[] = []
let closing = false
let running = false

function take(message: ToWriter): void {
  if (message.type === 'close') closing = true
  else queue.push(...message.requests)
}

/** The next request that is here by now, also one that came in while the group before it was written. */
function next(): WriteRequest | undefined {
  if (queue.length === 0) {
    const received = receiveMessageOnPort(port as NonNullable<typeof port>) as { message: ToWriter } | undefined
    if (received) take(received.message)
  }
  return queue.shift()
}

try {
  const { database, db } = await openWriter(settings)
  const commitGroup = createGroupCommit({ database, db }, settings)

  const work = async () => {
    if (running) return
    running = true
    for (let request = next(); request; request = next()) {
      const group = await commitGroup(request, next)
      if (!group.committed) {
        // What else waited has waited as long; each with a timeout of its own would make the last one wait for all.
        const { failure } = group.results.find((result) => 'failure' in result) ?? {}
        if (failure?.code?.startsWith('SQLITE_BUSY')) {
          group.results.push(...queue.splice(0).map(({ id }) => ({ id, failure })))
        }
      }
      tell({ type: 'group', ...group })
    }
    running = false
    if (closing) {
      // Closing empties the write-ahead log into the file.
      database.close()
      port.close()
    }
  }

  port.on('message', (message: ToWriter) => {
    take(message)
    void work()
  })
  tell({ type: 'ready' })
} catch (error) {
  const failure = failureOf(error)
  tell({ type: 'failed', failure: error instanceof RefusedDatabase ? { ...failure, kind: 'refused' } : failure })
  port.close()
}
