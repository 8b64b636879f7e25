import { mkdir } from 'node:fs/promises'
import { faultOf, isMeshError } from '@mesh/core'
import { listenAdmin } from './admin/index.ts'
import { ConfigError, readConfig } from './config.ts'
import { setupNotice } from './first-admin.ts'
import { createLog } from './log.ts'
import { whenToStop } from './stop.ts'
import { startServer } from './server.ts'

/** How long clients have to go elsewhere after a fault, at most, in milliseconds. */
const faultDrainMs = 1_000

/**
 * Runs the standalone server in this process until SIGTERM or SIGINT, or a fault that nobody foresaw; resolves with the exit
 * code. Settings come from the environment and `.env`, over which `overrides` win. Whatever stops the start is said in one sentence.
 */
export async function runServer(overrides: Readonly<Record<string, string>> = {}): Promise<number> {
  const config = readConfig({ env: { ...process.env, ...overrides }, cwd: process.cwd() })
  const logger = createLog(config.logLevel)
  // From the beginning: whoever stops a server that has only just started stops it in order, too.
  const stop = whenToStop(logger)
  for (const name of config.unknown) logger.warn({ setting: name }, 'this variable is not a setting of this version')
  for (const name of config.exposed) logger.warn({ setting: name }, 'other users can read the file of this secret')
  await mkdir(config.dataDir, { recursive: true, mode: 0o700 })
  const server = await startServer(config, logger)
  const admin = await listenAdmin(server.mesh, config.dataDir).catch(async (error: unknown) => {
    await server.close()
    throw error
  })
  logger.info({ url: server.url, data_dir: config.dataDir }, 'mesh is listening')
  if (server.monitorUrl !== undefined) logger.info({ url: server.monitorUrl }, 'metrics are told')
  if (server.setupCode !== undefined) {
    // To whoever looks at this start, not into logs that are kept and sent around.
    process.stderr.write(setupNotice(server.setupCode, server.url, config))
  }

  const why = await stop
  logger.info({}, 'mesh is stopping')
  const drainMs = why === 'fault' ? Math.min(config.drainMs, faultDrainMs) : config.drainMs
  // At once: what an administrator has under way is waited for meanwhile.
  await Promise.all([server.mesh.engine.drain(drainMs), admin.close()])
  await server.close()
  return why === 'fault' ? 1 : 0
}

/** The one sentence that says why a start failed. Only sentences of ours, and what the system says of a file or address, are passed on. */
export function sentenceOf(error: unknown): string {
  const isOurs = error instanceof ConfigError || isMeshError(error)
  // Parsers and libraries have classes of their own, and quote what they choked on.
  const isPlain = error instanceof Error && error.constructor === Error
  if (isOurs || isPlain) return error.message
  const { error: name, at = 'an unknown place' } = faultOf(error)
  return `Stopped by a fault: ${String(name)} ${String(at)}`
}
