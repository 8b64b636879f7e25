import { constants } from 'node:os'
import { faultOf, type Logger } from '@mesh/core'

/** How long a process may go on after a fault that nobody foresaw, in milliseconds. */
const faultMs = 2_000

/**
 * Resolves when this process is to stop, with why: SIGTERM or SIGINT, or a fault that nobody foresaw, which leaves the state
 * in doubt and time only to send clients elsewhere. A second signal ends the process at once.
 */
export function whenToStop(logger: Logger): Promise<'signal' | 'fault'> {
  return new Promise((resolve) => {
    let isStopping = false
    for (const signal of ['SIGTERM', 'SIGINT'] as const) {
      process.on(signal, () => {
        if (isStopping) process.exit(128 + constants.signals[signal])
        isStopping = true
        resolve('signal')
      })
    }
    for (const event of ['uncaughtException', 'unhandledRejection'] as const) {
      process.on(event, (fault: unknown) => {
        logger.error(faultOf(fault), 'mesh is stopping: a fault leaves its state in doubt')
        setTimeout(() => process.exit(1), faultMs)
        resolve('fault')
      })
    }
  })
}
