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
  /** When it was asked what it has not answered yet. */
  let asked: number | undefined
  /** Since when it has answered nothing else than that it cannot. */
  let failing: number | undefined

  async function look(room_id: string): Promise<void> {
    const begun = (asked = clock.monotonic())
    try {
      await storage.rooms.find(room_id)
      failing = undefined
    } catch {
      failing ??= begun
    } finally {
      asked = undefined
    }
  }

  return {
    tick() {
      const [room_id] = rooms.keys()
      if (room_id === undefined) failing = undefined
      else if (asked === undefined) void look(room_id)
    },
    get isSilent() {
      const since = failing ?? asked
      return since !== undefined && clock.monotonic() - since >= mostMs
    },
  }
}
