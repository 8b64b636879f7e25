import type { Wire } from './history.ts'

/** What a client knows of a room it has joined. */
export interface RoomView {
  readonly peers: Map<string, { user_id: string }>
  /** Tokens granted for this room, for what, and the target where they name one. */
  readonly tokens: { token: string; caps: readonly string[]; target: unknown }[]
  /** The terminals shared here: the peers that share them, by their ids. */
  readonly terminals: Map<string, string>
}

/** What a client knows of its rooms, as it hears of them. */
export interface View {
  readonly rooms: ReadonlyMap<string, RoomView>
  /** The fences of the terminals that it controls, as far as it knows. */
  readonly held: ReadonlyMap<string, number>
  /** A frame came; `asked` is the request that it answers. */
  heard(frame: Wire, asked: Wire | undefined): void
  clear(): void
}

/** @see View. `self` is the client's own peer id; `left` hears that it is out of a room. */
export function createView(self: () => string | undefined, left: (room_id: string) => void): View {
  const rooms = new Map<string, RoomView>()
  const held = new Map<string, number>()

  // Payloads are what the contract says they are: see the events.ts of each area.
  function joined(payload: Wire['payload']): void {
    const peers = payload.peers as { peer_id: string; user_id: string }[]
    const terminals = payload.terminals as { terminal_id: string; peer_id: string }[]
    const room_id = String(payload.room_id)
    rooms.set(room_id, {
      tokens: rooms.get(room_id)?.tokens ?? [],
      peers: new Map(peers.map((peer) => [peer.peer_id, peer])),
      terminals: new Map(terminals.map(({ terminal_id, peer_id }) => [terminal_id, peer_id])),
    })
  }

  function gone(room_id: string, peer_id: string): void {
    if (peer_id !== self()) return void rooms.get(room_id)?.peers.delete(peer_id)
    for (const terminal_id of rooms.get(room_id)?.terminals.keys() ?? []) held.delete(terminal_id)
    rooms.delete(room_id)
    left(room_id)
  }

  function controlled(terminal_id: string, fence: number, peer_id: string | undefined): void {
    if (peer_id === self()) held.set(terminal_id, fence)
    else held.delete(terminal_id)
  }

  return {
    rooms,
    held,
    heard({ type, to, payload }, asked) {
      const [room_id, peer_id] = [String(payload.room_id), String(payload.peer_id)]
      const terminal_id = String(payload.terminal_id)
      if (type === 'room.joined') joined(payload)
      else if (type === 'room.left') gone(room_id, peer_id)
      else if (type === 'presence.update') rooms.get(to)?.peers.set(peer_id, { user_id: String(payload.user_id) })
      else if (type === 'terminal.share.started') rooms.get(to)?.terminals.set(terminal_id, peer_id)
      else if (type === 'terminal.share.stopped') rooms.get(to)?.terminals.delete(terminal_id)
      else if (type === 'terminal.control.granted') controlled(terminal_id, Number(payload.fence), peer_id)
      else if (type === 'terminal.control.released') controlled(terminal_id, 0, undefined)
      else if (type === 'capability.granted' && asked) {
        const granted = { token: String(payload.token), caps: payload.caps as string[] }
        rooms.get(String(asked.payload.room_id))?.tokens.push({ ...granted, target: asked.payload.target_peer_id })
      }
    },
    clear() {
      rooms.clear()
      held.clear()
    },
  }
}
