import { createBoundedMap } from '../bounded-map.ts'
import type { Peer } from '../context.ts'

/** Requests of peers of this node that others have to answer. */
export interface Owed {
  /**
   * Notes that a node is sent a request, and whether it has to answer one that it takes. What is returned notes that the
   * peer is told that the request was lost; it may have got there all the same.
   */
  add(node: string, peer: Peer, id: string, isAnswered: boolean): () => void
  /** Notes what a node sends a peer. False when it answers a request that was given up, and comes too late. */
  sent(node: string, peer_id: string, text: string): boolean
  /** Takes out what a node owes; should it answer after all, it is too late. */
  takeAll(node: string): { peer: Peer; id: string }[]
}

/** How many of the requests that were given up are kept in mind: an answer to one of them comes soon, if it does. */
const remembered = 10_000

/** @see Owed */
export function createOwed(): Owed {
  const owed = new Map<string, { node: string; peer: Peer; id: string }>()
  /** Which node the requests were for that were given up. */
  const late = createBoundedMap<string, string>(remembered)
  const keyOf = (peer_id: string, id: string) => `${peer_id} ${id}`
  return {
    add(node, peer, id, isAnswered) {
      const [key, one] = [keyOf(peer.peer_id, id), { node, peer, id }]
      // The client may try again under the same id, and is then owed an answer to that.
      if (late.size > 0) late.delete(key)
      if (isAnswered) owed.set(key, one)
      return () => {
        if (isAnswered && owed.get(key) !== one) return
        owed.delete(key)
        late.set(key, node)
      }
    },
    sent(node, peer_id, text) {
      // Mostly nothing is owed, and no text has to be read.
      if (owed.size === 0 && late.size === 0) return true
      const { reply_to } = JSON.parse(text) as { reply_to?: string }
      const key = keyOf(peer_id, String(reply_to))
      if (owed.get(key)?.node === node) owed.delete(key)
      return late.peek(key) !== node
    },
    takeAll(node) {
      const all = [...owed].filter(([, one]) => one.node === node)
      for (const [key] of all) {
        owed.delete(key)
        late.set(key, node)
      }
      return all.map(([, one]) => one)
    },
  }
}
