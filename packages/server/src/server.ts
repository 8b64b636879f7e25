import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { resolveLimits, type Logger } from '@mesh/core'
import * as v from 'valibot'
import { ConfigError, type Config } from './config.ts'
import { prepareFirstAdmin } from './first-admin.ts'
import type { MeshServer } from './mesh-server.ts'
import { toNodeHandler } from './node-handler.ts'
import { openMesh } from './open-mesh.ts'
import { isLoopbackHost } from './origin.ts'
import { answerUnreadable } from './unreadable.ts'
import { watchClock } from './wall-clock.ts'

/** A standalone server that runs. */
export interface RunningServer {
  readonly mesh: MeshServer
  /** Where it listens. */
  readonly url: string
  /** With which the first administrator may be made from elsewhere; undefined where there is one. */
  readonly setupCode: string | undefined
  /** Stops taking connections, drains the open ones over `drainMs`, and finishes what is being written. */
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

/** Starts Mesh on its own, as the settings have it. @throws Error with one sentence when it cannot start */
export async function startServer(config: Config, logger: Logger): Promise<RunningServer> {
  requireLimits(config)
  const mesh = await openMesh(config, {
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
  const close = async (options?: { drainMs?: number }) => {
    await mesh.close(options)
    await clock?.close()
  }
  let setupCode: string | undefined
  let clock: Awaited<ReturnType<typeof watchClock>> | undefined
  try {
    clock = await watchClock(config.dataDir, logger)
    setupCode = await prepareFirstAdmin(mesh, config, logger)
    await listen(server, config)
  } catch (error) {
    await close()
    throw error
  }
  const { port } = server.address() as AddressInfo
  const host = config.host.includes(':') ? `[${config.host}]` : config.host
  return {
    mesh,
    setupCode,
    url: `http://${host}:${port}`,
    async close(options) {
      const closed = new Promise<void>((resolve) => server.close(() => resolve()))
      await close(options)
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

function listen(server: Server, { host, port }: Config): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', (error) => {
      const taken = 'code' in error && error.code === 'EADDRINUSE'
      reject(
        new Error(
          taken ? `MESH_PORT ${port} is in use on ${host}.` : `Cannot listen on ${host}:${port}: ${error.message}`,
        ),
      )
    })
    server.listen(port, host, resolve)
  })
}
