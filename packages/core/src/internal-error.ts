import { MeshError } from './errors.ts'
import type { Ids } from './ids.ts'
import type { LogFields, Logger } from './ports/index.ts'

/** Logs a fault of ours and makes the answer of it, which carries nothing but the id that finds it in the log. */
export function internalError(
  { ids, logger }: { ids: Pick<Ids, 'uuid'>; logger: Logger },
  error: unknown,
  message: string,
): MeshError {
  const correlation_id = ids.uuid()
  logger.error({ correlation_id, ...faultOf(error) }, message)
  return new MeshError('INTERNAL', undefined, { correlation_id })
}

/**
 * What may be said of an error that is not ours: its class and where it arose. Its message may quote what it choked on, and
 * its stack begins with the message, over as many lines as that has.
 */
export function faultOf(error: unknown): Pick<LogFields, 'error' | 'at'> {
  if (!(error instanceof Error)) return { error: typeof error }
  const message = `${error.message}\n`
  const begin = error.stack?.indexOf(message) ?? -1
  const frames = begin < 0 ? (error.stack ?? '') : (error.stack?.slice(begin + message.length) ?? '')
  const at = frames
    .split('\n')
    .map((line) => line.trim())
    .find((line) => /^at .+:\d+:\d+\)?$/.test(line))
  return { error: error.name, at }
}
