import { isMeshError } from './errors.ts'
import type { Clock, Logger, Storage } from './ports/index.ts'

/** How many devices one write is about. */
const together = 500

/** Knows which devices were here, and writes it down now and then, many at once: never for a frame. */
export interface LastSeen {
  /** A device is here, or was until now. */
  note(device_id: string | undefined): void
  /** Writes down what was noted since. What cannot be written is left to the next time that the device is noted. */
  flush(): Promise<void>
}

/** @see LastSeen */
export function createLastSeen(options: { storage: Storage; clock: Clock; logger: Logger }): LastSeen {
  const { storage, clock, logger } = options
  let noted = new Set<string>()

  return {
    note: (device_id) => void (device_id !== undefined && noted.add(device_id)),
    async flush() {
      const device_ids = [...noted]
      noted = new Set()
      try {
        for (let at = 0; at < device_ids.length; at += together) {
          await storage.devices.seen(device_ids.slice(at, at + together), clock.now())
        }
      } catch (error) {
        logger.warn({ code: isMeshError(error) ? error.code : 'INTERNAL' }, 'when devices were seen was not recorded')
      }
    },
  }
}
