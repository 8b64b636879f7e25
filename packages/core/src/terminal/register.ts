import type { LiveRoom, Occupant, Peer } from '../context.ts'
import { createMultimap } from '../multimap.ts'

/** A terminal that this node follows, because its host or the peer in control is here. */
export interface Watched {
  readonly terminal_id: string
  readonly room: LiveRoom
  /** The host, where it is here and shares still. */
  host: Occupant | undefined
  /** The highest fence heard of. */
  fence: number
  control: Control | undefined
}

/** A grant as this node knows it. */
export interface Control {
  readonly peer_id: string
  readonly fence: number
  /** The key and the target of the token by which it is held; known where the holder is. */
  by: { kid: string; target: string | undefined } | undefined
  /**
   * Whether the rules of the room allowed it when this node last heard of it: a change of these may then end it. Otherwise
   * the host application did, or this node cannot tell, and the one where the holder is has to.
   */
  isByRules: boolean
  /** By the clock of leases. */
  expires_at: number
  /** Ended by this node, though the store may not have it yet. */
  isOver: boolean
  /** Takes back the timer of its expiry. */
  cancel: () => void
}

/** The terminals that a node follows, found by their id and by their room. */
export function createRegister() {
  const byId = new Map<string, Watched>()
  // Every leave of a room asks what ends with it; rooms without a terminal are to answer at once.
  const byRoom = createMultimap<LiveRoom, Watched>()

  return {
    get: (terminal_id: string) => byId.get(terminal_id),
    all: (): Watched[] => [...byId.values()],
    /** Those in a room, as a copy that stands while they go. */
    in: (room: LiveRoom): Watched[] => [...byRoom.get(room)],
    /** The ids of those that are hosted here, or by one peer. */
    hosted(peer?: Peer): string[] {
      const meant = ({ host }: Watched) => host && (!peer || host.peer === peer)
      return [...byId.values()].filter(meant).map(({ terminal_id }) => terminal_id)
    },
    add(watched: Watched): Watched {
      byId.set(watched.terminal_id, watched)
      byRoom.add(watched.room, watched)
      return watched
    },
    delete(watched: Watched): void {
      if (byId.get(watched.terminal_id) === watched) byId.delete(watched.terminal_id)
      byRoom.delete(watched.room, watched)
    },
  }
}
