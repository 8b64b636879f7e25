import { MeshError } from './errors.ts'
import type { Ids } from './ids.ts'
import type { Logger } from './ports/index.ts'

/** Logs a fault of ours and makes the answer of it, which carries nothing but the id that finds it in the log. */
export function internalError(
  { ids, logger }: { ids: Ids; logger: Logger },
  error: unknown,
  message: string,
): MeshError {
  const correlation_id = ids.uuid()
  // The message of a foreign error may quote what it choked on; its stack says where to look and quotes it too.
  const name = error instanceof Error ? error.name : typeof error
  logger.error({ correlation_id, error: name, at: topOf(error) }, message)
  return new MeshError('INTERNAL', undefined, { correlation_id })
}

function topOf(error: unknown): string | undefined {
  if (!(error instanceof Error)) return undefined
  const lines = error.stack?.split('\n').map((line) => line.trim())
  return lines?.find((line) => line.startsWith('at '))
}
