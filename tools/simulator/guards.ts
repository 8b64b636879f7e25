// Takes one guard after the other out of a copy of core's sources and shows at which seed the simulator finds it: a guard
// that nothing misses is not proven. `--only NAME` tries one, `--seeds N` says how many seeds each gets.
import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { runSeeds } from './pool.ts'

/** A guard: where it stands, what stands there, and what is put in its place. */
interface Guard {
  readonly name: string
  readonly file: string
  readonly find: string
  readonly replace: string
}

const guards: readonly Guard[] = [
  {
    name: 'only members are let write into the log',
    file: 'memory/storage-events.ts',
    find: "if (!record.members.has(user_id)) return { outcome: 'denied' }",
    replace: '',
  },
  {
    name: 'a repeated id is stored once',
    file: 'memory/storage-events.ts',
    find: 'key === undefined ? undefined : tables.once.get(key)',
    replace: 'undefined',
  },
  {
    name: 'a repetition of what nobody was told is told',
    file: 'chat/handlers.ts',
    find: "outcome === 'repeated' && isTold",
    replace: "outcome === 'repeated'",
  },
  {
    name: 'a capability dies with the membership and policy it was granted under',
    file: 'capabilities/check.ts',
    find: 'claims.mv === versionOf(member_seq, room.policy_seq) &&',
    replace: '',
  },
  {
    name: 'a capability expires',
    file: 'tokens/capability.ts',
    find: 'return token.exp + leewayS <= now / 1000',
    replace: 'return token.exp + leewayS <= now / 10_000',
  },
  {
    name: 'events that come too early are held',
    file: 'room-log.ts',
    find: 'if (event.seq > room.seq + 1) return hold(room, event, reply)',
    replace: '',
  },
  {
    name: 'an answer is owed also for what a catch-up has told',
    file: 'room-log.ts',
    find: "if (event.seq <= room.seq && event.type !== 'call.missed') return answer(event, room, reply)",
    replace: "if (event.seq <= room.seq && event.type !== 'call.missed') return",
  },
  {
    name: 'a snapshot is not forgotten over a late missed call',
    file: 'room-log.ts',
    find: 'occupant.seq = Math.max(occupant.seq, event.seq)',
    replace: 'occupant.seq = event.seq',
  },
  {
    name: 'a room is compared with its storage now and then',
    file: 'mesh.ts',
    find: 'if (++ticks % limits.position_check_s === 0)',
    replace: 'if (++ticks === 0)',
  },
  {
    name: 'a removal takes back what waits for the removed',
    file: 'hub.ts',
    find: "if (cause === 'removed' || cause === 'deleted') peer.purge(room)",
    replace: '',
  },
  {
    name: 'whoever leaves takes part in no signaling any more',
    file: 'rtc/handlers.ts',
    find: 'if (session.room !== room) continue\n        const side',
    replace: 'if (session.room === room) continue\n        const side',
  },
  {
    name: 'signals are for those who have part in a session',
    file: 'rtc/handlers.ts',
    find: "if (!session || !side) throw new MeshError('NOT_FOUND')",
    replace: "if (!session) throw new MeshError('NOT_FOUND')\n    if (!side) return { session, side: session.caller }",
  },
  {
    name: "a fork's candidates are held until it answers",
    file: 'rtc/handlers.ts',
    find: 'if (isRinging(session, side)) {\n          if (side.held',
    replace: 'if (isRinging(session, side) && Number.isNaN(side.candidates)) {\n          if (side.held',
  },
  {
    name: 'a resume token is good once',
    file: 'session.ts',
    find: 'this.#resumeToken = this.#host.ids.secret()\n',
    replace: '\n',
  },
  {
    name: 'a session is given back for its token only',
    file: 'session.ts',
    find: 'return isSame && isGood',
    replace: 'return isSame && (isGood || true)',
  },
  {
    name: 'a session is given back to its user and device only',
    file: 'session.ts',
    find: 'return isSame && isGood',
    replace: 'return (isSame || true) && isGood',
  },
  {
    name: 'numbers go on from where the client is',
    file: 'outbox.ts',
    find: 'this.#handed = received\n',
    replace: '\n',
  },
  {
    name: 'an access that ends while it is checked bars the connection',
    file: 'bars.ts',
    find: 'for (const list of this.#lists ?? []) list.push(bar)',
    replace: 'void bar',
  },
  {
    name: 'the fence rises with every grant',
    file: 'memory/storage-terminals.ts',
    find: 'const fence = terminal.fence + 1',
    replace: 'const fence = Math.max(terminal.fence, 1)',
  },
  {
    name: 'control that is held is not granted to another',
    file: 'terminal/lease.ts',
    find: "return force ? 'forced' : 'held'",
    replace: "return force ? 'forced' : 'expired'",
  },
  {
    name: 'only the target of a session between agents accepts it',
    file: 'p2p/handlers.ts',
    find: "if (!session || (peer !== session.target && peer !== session.requester.peer)) throw new MeshError('NOT_FOUND')",
    replace: "if (!session) throw new MeshError('NOT_FOUND')",
  },
]

const { values } = parseArgs({ options: { seeds: { type: 'string', default: '2000' }, only: { type: 'string' } } })
const core = fileURLToPath(new URL('../../packages/core/', import.meta.url))

/** The first seed that finds what goes wrong without a guard, and what that is. */
async function seedFor({ file, find, replace }: Guard): Promise<{ seed: number; what: string } | undefined> {
  // Inside the package, so that what the sources import is found from there as well.
  const copy = mkdtempSync(join(core, '.guards-'))
  try {
    cpSync(join(core, 'src'), copy, { recursive: true })
    const text = readFileSync(join(copy, file), 'utf8')
    if (text.split(find).length !== 2) throw new Error(`${file} does not hold exactly once: ${find}`)
    writeFileSync(
      join(copy, file),
      text.replace(find, () => replace),
    )
    let found: { seed: number; what: string } | undefined
    await runSeeds({ from: 1, to: Number(values.seeds), core: copy, first: true }, ({ failures: [failure] }) => {
      if (failure) found = { seed: failure.seed, what: failure.what[0] ?? '' }
    })
    return found
  } finally {
    rmSync(copy, { recursive: true, force: true })
  }
}

for (const guard of guards) {
  if (values.only !== undefined && !guard.name.includes(values.only)) continue
  const found = await seedFor(guard).catch((error: Error) => ({ seed: 0, what: error.message }))
  console.log(found?.seed ? `seed ${String(found.seed).padStart(5)}  ${guard.name}` : `NOT FOUND   ${guard.name}`)
  if (found) console.log(`            ${found.what}`)
  if (!found?.seed) process.exitCode = 1
}
