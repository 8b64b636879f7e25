/** A guard: where it stands in core's sources, what stands there once, and what is put in its place. */
export interface Guard {
  readonly name: string
  readonly file: string
  readonly find: string
  readonly replace: string
}

/** What the simulator has to miss when it is taken out. */
export const guards: readonly Guard[] = [
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
    file: 'sweep.ts',
    find: 'if (isDue || ticks % every === 0)',
    replace: 'if (isDue)',
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
    find: 'left({ peer, room }, cause) {',
    replace: 'left({ peer, room }, cause) {\n      return',
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
    find: 'if (isRinging(session, side)) {\n          side.withheld.push',
    replace: 'if (false) {\n          side.withheld.push',
  },
  {
    name: 'a resume token is good once',
    file: 'resume-token.ts',
    find: 'this.#current = this.#make()',
    replace: '',
  },
  {
    name: 'a session is given back for its token only',
    file: 'session.ts',
    find: 'return isSame && this.resumeToken.admits(token, id) &&',
    replace: 'return isSame &&',
  },
  {
    name: 'a session is given back to its user and device only',
    file: 'session.ts',
    find: 'return isSame && this.resumeToken.admits(token, id) &&',
    replace: 'return this.resumeToken.admits(token, id) &&',
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
    name: 'only its two ends have a say in a session between agents',
    file: 'p2p/handlers.ts',
    find: "if (!session || (peer !== session.target && peer !== session.requester.peer)) throw new MeshError('NOT_FOUND')",
    replace: "if (!session) throw new MeshError('NOT_FOUND')",
  },
  {
    name: 'only the target of a session between agents accepts it',
    file: 'p2p/handlers.ts',
    find: "if (peer !== session.target) throw new MeshError('NOT_FOUND')",
    replace: '',
  },
]

/** The text of a guard's file without the guard. @throws Error where it does not stand there exactly once */
export function takeOut({ file, find, replace }: Guard, text: string): string {
  if (text.split(find).length !== 2) throw new Error(`${file} does not hold exactly once: ${find}`)
  return text.replace(find, () => replace)
}
