import type { Actor } from './actor.ts'

/** What a client may do about sessions between agents, by weight. */
export const transferWeights = { transfer: 8, renewTransfer: 4, endTransfer: 1.5, meddleTransfer: 3 } as const

const purpose = 'share:file'

/** Asking for sessions between agents, keeping them and ending them. */
export function transferActs(actor: Actor): Record<keyof typeof transferWeights, () => void> {
  const { world, client, joined, tokenFor } = actor
  const { random } = world
  const open = () => random.pick([...client.transfers.open])

  /** A session that may be none of its business, or not for it to answer, as if it had come to know the id. */
  function meddle(what: 'accept' | 'reject' | 'closed'): void {
    const session_id = actor.anybody()?.transfers.latest
    if (session_id === undefined) return
    if (what === 'accept') client.ask('p2p.session.accept', 'server', { session_id, ...client.transfers.offer() })
    else if (what === 'reject') client.ask('p2p.session.reject', 'server', { session_id, reason: 'declined' })
    else client.ask('p2p.session.closed', 'server', { session_id, reason: 'failed' })
  }

  return {
    transfer() {
      const [room_id, room] = joined() ?? []
      const to = random.pick([...(room?.peers.keys() ?? [])].filter((peer_id) => peer_id !== client.peer_id))
      if (room_id === undefined || !room || to === undefined) return
      const cap_token = tokenFor(room, purpose)
      const isReady = room.tokens.some(({ token, caps }) => token === cap_token && caps.includes(purpose))
      if (!isReady && random.chance(0.9)) return actor.request(room_id, [purpose])
      const token = cap_token === undefined ? {} : { cap_token }
      client.ask('p2p.session.request', to, { room_id, purpose, ...token, ...client.transfers.offer() })
      // Now and then it accepts for whoever it asked. A session soon has its answer: at any other time there is none to give.
      if (random.chance(0.3)) world.soon(1_000, () => meddle('accept'))
    },
    renewTransfer() {
      const [session_id, { room_id } = { room_id: undefined }] = open() ?? []
      const room = room_id === undefined ? undefined : client.view.rooms.get(room_id)
      const cap_token = room && tokenFor(room, purpose)
      if (session_id === undefined) return
      client.ask('p2p.session.renew', 'server', { session_id, ...(cap_token === undefined ? {} : { cap_token }) })
    },
    endTransfer() {
      const [session_id] = open() ?? []
      const reason = random.pick(['completed', 'failed', 'cancelled'])
      if (session_id !== undefined) client.ask('p2p.session.closed', 'server', { session_id, reason })
    },
    meddleTransfer: () => meddle(random.weighted({ accept: 1, reject: 1, closed: 1 })),
  }
}
