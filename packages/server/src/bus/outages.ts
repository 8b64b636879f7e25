import type { Logger } from '@mesh/core'

/** How many bytes may wait for a server to take them. Beyond, it does not keep up, and more would only be late. */
export const mostWaitingBytes = 16 * 1024 * 1024

/** Whether a bus is up, and how often it was not. */
export interface Outages {
  readonly count: number
  /** Notes how it is now; a change is logged, with what is wrong where that is known. Returns whether there was one. */
  note(isUp: boolean, code?: string): boolean
}

/** @see Outages. What has never been up is not out. */
export function createOutages(logger: Logger): Outages {
  let wasUp = false
  let count = 0
  return {
    get count() {
      return count
    },
    note(isUp, code) {
      if (isUp === wasUp) return false
      wasUp = isUp
      if (!isUp) count++
      if (isUp) logger.info({}, 'the bus is up')
      else logger.warn({ code }, 'the bus is down: what other nodes store is read from the database meanwhile')
      return true
    },
  }
}
