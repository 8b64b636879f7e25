import { faultOf } from '../internal-error.ts'
import type { Bus, Logger } from '../ports/index.ts'

/**
 * A bus of which a message that cannot be understood does no harm: whatever version wrote it, or whoever, it is left out
 * and the log says so. Thrown into the bus, what became of it would end the process.
 */
export function createCarefulBus(bus: Bus, logger: Logger): Bus {
  return {
    publish: (...message) => bus.publish(...message),
    subscribe: (topic, listener) =>
      bus.subscribe(topic, (message) => {
        try {
          listener(message)
        } catch (error) {
          logger.warn(faultOf(error), 'a message of another node was not understood')
        }
      }),
    get isUp() {
      return bus.isUp
    },
    get outages() {
      return bus.outages
    },
    close: () => bus.close(),
  }
}
