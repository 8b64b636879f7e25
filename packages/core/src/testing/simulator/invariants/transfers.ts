import type { Invariant } from './evidence.ts'

/**
 * A session between agents is between the two who agreed on it: nobody else hears of it, both are told that it is open
 * only after whoever was asked has accepted, and after its end nobody is told that it goes on.
 */
export const transfersStayInside: Invariant = ({ entries, sessionOf }) => {
  const ends = new Map<string, Set<string>>()
  const asked = new Map<string, string>()
  const accepted = new Set<string>()
  const closed = new Set<string>()
  const judged = new Set<string>()
  return entries.flatMap((entry) => {
    if (entry.kind !== 'take' && entry.kind !== 'hand') return []
    const peer_id = sessionOf.get(entry.conn)?.peer_id
    const { type, payload, id } = entry.frame
    if (!type.startsWith('p2p.') || peer_id === undefined) return []
    const session_id = String(payload.session_id)
    const key = `${session_id} ${peer_id}`
    if (entry.kind === 'take') {
      if (type === 'p2p.session.accept' && asked.get(session_id) === peer_id) accepted.add(session_id)
      return []
    }
    // What is sent again after a reconnect was judged before.
    if (judged.size === judged.add(`${id} ${peer_id}`).size) return []
    const peers = (ends.get(session_id) ?? new Set()).add(peer_id)
    ends.set(session_id, peers)
    if (type === 'p2p.session.request') asked.set(session_id, peer_id)
    const accuse = (fault: string) => [
      { invariant: 'transfersStayInside', at: entry.at, what: `${peer_id} got ${type} of ${session_id}, ${fault}` },
    ]
    if (peers.size > 2) return accuse('which is between others')
    if (type === 'p2p.session.created' && !accepted.has(session_id)) return accuse('which was not accepted')
    if (type === 'p2p.session.closed') closed.add(key)
    else if (closed.has(key) && entry.frame.reply_to === undefined) return accuse('which is over')
    return []
  })
}
