import type { Peer } from '../context.ts'

/** Requests of peers of this node that others have to answer. */
export interface Owed {
  /** Notes that a node has to answer a request; what is returned takes that back, once. */
  add(node: string, peer: Peer, id: string): () => void
  /** Notes what a node sends a peer: it may be the answer. */
  sent(node: string, peer_id: string, text: string): void
  /** Takes out what a node owes. */
  takeAll(node: string): { peer: Peer; id: string }[]
}

/** @see Owed */
export function createOwed(): Owed {
  const owed = new Map<string, { node: string; peer: Peer; id: string }>()
  const keyOf = (peer_id: string, id: string) => `${peer_id} ${id}`
  return {
    add(node, peer, id) {
      const [key, one] = [keyOf(peer.peer_id, id), { node, peer, id }]
      owed.set(key, one)
      return () => void (owed.get(key) === one && owed.delete(key))
    },
    sent(node, peer_id, text) {
      // Mostly nothing is owed, and no text has to be read.
      if (owed.size === 0) return
      const { reply_to } = JSON.parse(text) as { reply_to?: string }
      const key = keyOf(peer_id, String(reply_to))
      if (owed.get(key)?.node === node) owed.delete(key)
    },
    takeAll(node) {
      const all = [...owed].filter(([, one]) => one.node === node)
      for (const [key] of all) owed.delete(key)
      return all.map(([, one]) => one)
    },
  }
}
