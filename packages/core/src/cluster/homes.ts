/** Where a session lives in which a peer of this node has part. */
export interface Home {
  node: string
  peer_id: string
  session_id: string
}

/** The sessions that live on other nodes and have a peer of this one. */
export interface Homes {
  of(peer_id: string, session_id: string): string | undefined
  set(home: Home & { isOpen: boolean }): void
  /** Takes out all that lived on a node. */
  takeAll(node: string): Home[]
}

/** @see Homes */
export function createHomes(): Homes {
  const homes = new Map<string, Home>()
  const keyOf = (peer_id: string, session_id: string) => `${peer_id} ${session_id}`
  return {
    // Most nodes are alone, and most sessions live where their peers are.
    of: (peer_id, session_id) => (homes.size === 0 ? undefined : homes.get(keyOf(peer_id, session_id))?.node),
    set({ node, peer_id, session_id, isOpen }) {
      const key = keyOf(peer_id, session_id)
      if (isOpen) homes.set(key, { node, peer_id, session_id })
      else if (homes.get(key)?.node === node) homes.delete(key)
    },
    takeAll(node) {
      const gone = [...homes].filter(([, home]) => home.node === node)
      for (const [key] of gone) homes.delete(key)
      return gone.map(([, home]) => home)
    },
  }
}
