// One of the processes that want control of a terminal: `<peer_id> <user_id> <lease_ms> postgres|sqlite <database>`. It does
// what it is told by messages, one after the other, and says what came of each.
import { postgres } from '@mesh/server/postgres'
import { sqlite } from '@mesh/server/sqlite'

const [, , peer_id = '', user_id = '', leaseMs = '', dialect, database = ''] = process.argv
const storage = dialect === 'postgres' ? await postgres(database, { maxConnections: 2 }) : await sqlite(database)
const terminal_id = 'term_1'
const event = (type: string) => ({ id: crypto.randomUUID(), type, from: peer_id, at: Date.now(), payload: {} })

async function act(what: string, fence: number): Promise<object> {
  const now = Date.now()
  const of = { terminal_id, peer_id, user_id, now, expires_at: now + Number(leaseMs) }
  if (what === 'take') {
    const taken = await storage.terminals.take({ ...of, force: false }, event('terminal.control.granted'))
    return { ...of, outcome: taken.outcome, fence: taken.outcome === 'granted' ? taken.fence : 0 }
  }
  const done =
    what === 'renew'
      ? await storage.terminals.renew({ ...of, fence })
      : await storage.terminals.release(
          { terminal_id, holder: peer_id, fence, member: user_id },
          event('terminal.control.released'),
        )
  return { ...of, outcome: done.outcome, fence }
}

let last: Promise<unknown> = storage.ready()
process.on('message', ({ what, fence }: { what: string; fence: number }) => {
  last = last.then(async () => process.send?.(await act(what, fence)))
})
await last
process.send?.({ outcome: 'ready' })
