import type { Engine } from './context.ts'
import { isMeshError } from './errors.ts'
import type { RoomEvent } from './ports/index.ts'

/**
 * Writes durable events beside the signals that they are about, and makes them known. A signal never waits for that, nor
 * fails with it: what goes wrong is logged as `what`, and it is over.
 */
export function createRecord({ logger, publish }: Pick<Engine, 'logger' | 'publish'>) {
  return (what: string, write: () => Promise<RoomEvent | undefined>): void => {
    write().then(
      (event) => event && publish(event),
      (error: unknown) =>
        logger.warn({ code: isMeshError(error) ? error.code : 'INTERNAL' }, `${what} was not recorded`),
    )
  }
}
