import { createServer } from 'node:http'
import { setTimeout as sleep } from 'node:timers/promises'
import { resolveLimits, type Logger } from '@mesh/core'
import * as v from 'valibot'
import { ConfigError, type Config } from './config.ts'
import { prepareFirstAdmin } from './first-admin.ts'
import { listen } from './listen.ts'
import type { MeshServer } from './mesh-server.ts'
import { toNodeHandler } from './node-handler.ts'
import { openMesh } from './open-mesh.ts'
import { watchReadiness } from './monitor/readiness.ts'
import { noteTime } from './noted-time.ts'
import { isLoopbackHost } from './origin.ts'
import { answerUnreadable } from './unreadable.ts'

/** A standalone server that runs. */
export interface RunningServer {
  readonly mesh: MeshServer
  /** Where it listens. */
  readonly url: string
  /** Where metrics and health are told, if anywhere. */
  readonly monitorUrl: string | undefined
  /** With which the first administrator may be made from elsewhere; undefined where there is one. */
  readonly setupCode: string | undefined
  /** Is not ready from now on, takes no more connections, drains the open ones over `drainMs`, and finishes what is being written. */
  close(options?: { drainMs?: number }): Promise<void>
}

/** Against clients that send their request slowly or not at all; the defaults of Node are a minute and more. */
const timeouts = {
  headersTimeout: 5_000,
  requestTimeout: 10_000,
  connectionsCheckingInterval: 1_000,
  keepAliveTimeout: 5_000,
  maxHeaderSize: 8_192,
}

/** How long calls that are being answered have to be finished when the server stops, in milliseconds. */
const lastCallsMs = 1_000

/** Starts Mesh on its own, as the settings have it. @throws Error with one sentence when it cannot start */
export async function startServer(config: Config, logger: Logger): Promise<RunningServer> {
  requireLimits(config)
  const monitor = config.metrics && (await import('./monitor/monitor.ts')).createMonitor()
  const mesh = await openMesh(config, {
    ...(monitor && { measure: monitor.measure }),
    allowedOrigins: config.allowedOrigins,
    trustedProxies: config.trustedProxies,
    boundToLoopback: () => isLoopbackHost(config.host),
    turn: config.turn,
    logger,
  })
  const server = createServer(timeouts, toNodeHandler(mesh))
  server.maxRequestsPerSocket = 1000
  answerUnreadable(server)
  mesh.attach(server)
  const close = async () => {
    readiness?.close()
    await mesh.close()
    await noted?.close()
    await monitor?.close()
  }
  let setupCode: string | undefined
  let noted: Awaited<ReturnType<typeof noteTime>> | undefined
  let readiness: ReturnType<typeof watchReadiness> | undefined
  let url: string
  let monitorUrl: string | undefined
  try {
    noted = await noteTime(config.dataDir, mesh.clock)
    readiness = watchReadiness(mesh, logger)
    setupCode = await prepareFirstAdmin(mesh, config, logger)
    monitorUrl = config.metrics && (await monitor?.listen(mesh, config.metrics))
    url = await listen(server, { ...config, setting: 'MESH_PORT' })
  } catch (error) {
    await close()
    throw error
  }
  return {
    mesh,
    setupCode,
    url,
    monitorUrl,
    async close({ drainMs = 0 } = {}) {
      // Whoever asks meanwhile hears that this server is on its way out, which a closed port could not say.
      await mesh.engine.drain(drainMs)
      const closed = new Promise<void>((resolve) => server.close(() => resolve()))
      await Promise.race([closed, sleep(lastCallsMs, undefined, { ref: false })])
      await close()
      server.closeAllConnections()
      await closed
    },
  }
}

/** The limits' shape is the engine's to judge; the sentence about it is ours. */
function requireLimits({ limits }: Config): void {
  try {
    resolveLimits(limits)
  } catch (error) {
    if (!v.isValiError(error)) throw error
    const path = v.getDotPath(error.issues[0])
    throw new ConfigError(
      `MESH_LIMITS must name known limits, each with a number in range: look at ${path ?? 'its shape'}.`,
    )
  }
}
