import type { Clock, Storage } from './ports/index.ts'

/** For how long what is known of roles and policies counts while the storage cannot confirm it, in milliseconds. */
const mostMs = 10_000

/** Looks whether the storage still says who may what, so that nobody goes on for long by what was so once. */
export interface StorageWatch {
  /** Looks again, unless the answer to the last time is still to come; called about once a second. */
  tick(): void
  /** Whether the storage has said nothing for so long that what is known here does not count any more. */
  readonly isSilent: boolean
}

/** @see StorageWatch. Where nobody is in a room there is nothing to confirm. */
export function createStorageWatch(options: {
  storage: Pick<Storage, 'rooms'>
  clock: Clock
  /** The live rooms of this node. */
  rooms: ReadonlyMap<string, unknown>
}): StorageWatch {
  const { storage, clock, rooms } = options
  let isLooking = false
  let silentSince: number | undefined

  async function look(room_id: string): Promise<void> {
    isLooking = true
    const begun = clock.monotonic()
    try {
      await storage.rooms.find(room_id)
      silentSince = undefined
    } catch {
      silentSince ??= begun
    } finally {
      isLooking = false
    }
  }

  return {
    tick() {
      const [room_id] = rooms.keys()
      if (room_id === undefined) silentSince = undefined
      else if (!isLooking) void look(room_id)
    },
    get isSilent() {
      return silentSince !== undefined && clock.monotonic() - silentSince >= mostMs
    },
  }
}
