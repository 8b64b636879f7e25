import { mkdir } from 'node:fs/promises'
import { faultOf } from '@mesh/core'
import { listenAdmin } from './admin/index.ts'
import { ConfigError, readConfig } from './config.ts'
import { setupNotice } from './first-admin.ts'
import { createLog } from './log.ts'
import { startServer } from './server.ts'

/** How long clients have to go elsewhere before a planned stop, in milliseconds. */
const drainMs = 2_000

/**
 * Runs the standalone server in this process until SIGTERM or SIGINT. Settings come from the environment and `.env`, over
 * which `overrides` win. Whatever stops the start is said in one sentence.
 */
export async function runServer(overrides: Readonly<Record<string, string>> = {}): Promise<void> {
  const config = readConfig({ env: { ...process.env, ...overrides }, cwd: process.cwd() })
  const logger = createLog(config.logLevel)
  for (const name of config.unknown) logger.warn({ setting: name }, 'this variable is not a setting of this version')
  for (const name of config.exposed) logger.warn({ setting: name }, 'other users can read the file of this secret')
  await mkdir(config.dataDir, { recursive: true, mode: 0o700 })
  const server = await startServer(config, logger)
  const admin = await listenAdmin(server.mesh, config.dataDir).catch(async (error: unknown) => {
    await server.close()
    throw error
  })
  // Before anybody hears that the server is there: whoever stops it at once stops it in order, too.
  const stopped = new Promise<void>((resolve) => {
    for (const signal of ['SIGTERM', 'SIGINT'] as const) process.once(signal, () => resolve())
  })
  logger.info({ url: server.url, data_dir: config.dataDir }, 'mesh is listening')
  if (server.setupCode !== undefined) {
    // To whoever looks at this start, not into logs that are kept and sent around.
    process.stderr.write(setupNotice(server.setupCode, config.publicUrl ?? server.url, config.dataDir))
  }

  await stopped
  logger.info({}, 'mesh is stopping')
  await admin.close()
  await server.close({ drainMs: server.mesh.engine.peers.size > 0 ? drainMs : 0 })
}

/** The one sentence that says why a start failed. */
export function sentenceOf(error: unknown): string {
  if (error instanceof ConfigError) return error.message
  return error instanceof Error ? error.message : 'The server could not start.'
}

/** What may be said of a fault that nobody foresaw: where it arose. Its message may quote anything. */
export function sentenceOfFault(fault: unknown): string {
  const { error, at = 'an unknown place' } = faultOf(fault)
  return `stopped by a fault: ${String(error)} ${String(at)}`
}
