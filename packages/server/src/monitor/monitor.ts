import { createServer } from 'node:http'
import type { Storage } from '@mesh/core'
import { collectDefaultMetrics, Registry } from 'prom-client'
import { listen } from '../listen.ts'
import type { MeshServer } from '../mesh-server.ts'
import { measured } from '../storage/measured.ts'
import { version } from '../version.ts'
import { createStopwatch, registerMetrics } from './metrics.ts'
import { readinessOf } from './readiness.ts'

/** What whoever runs the server sees of it, on a listener of its own; that tells more than anybody else may know. */
export interface Monitor {
  /** The same storage, with a stopwatch on it. */
  measure(storage: Storage): Storage
  /** Begins to listen; resolves with the URL. @throws Error with one sentence when it cannot */
  listen(mesh: MeshServer, at: { host: string; port: number }): Promise<string>
  close(): Promise<void>
}

/** What is answered: a status, a type of content and the content. */
type Answer = readonly [status: number, type: string, body: string]

const json = (status: number, body: object): Answer => [status, 'application/json', JSON.stringify(body)]

/** Makes the monitor of this process: `/metrics` for Prometheus, `/healthz`, `/version`, and `/readyz` with its reasons. */
export function createMonitor(): Monitor {
  const registry = new Registry()
  collectDefaultMetrics({ register: registry })
  const begin = createStopwatch(registry)
  let pages: Record<string, () => Answer | Promise<Answer>> = {}
  const limits = { requestTimeout: 5_000, headersTimeout: 5_000 }
  const server = createServer(limits, async ({ method, url }, response) => {
    const page = method === 'GET' ? pages[url?.split('?')[0] ?? ''] : undefined
    const [status, type, body] = page
      ? await Promise.resolve(page()).catch(() => json(500, { status: 'failed' }))
      : json(404, { status: 'not found' })
    response.writeHead(status, { 'content-type': type, 'cache-control': 'no-store' }).end(body)
  })
  return {
    measure: (storage) => measured(storage, begin),

    listen(mesh, at) {
      registerMetrics(mesh, registry)
      pages = {
        '/metrics': async () => [200, registry.contentType, await registry.metrics()],
        '/healthz': () => json(200, { status: 'ok' }),
        '/version': () => json(200, { name: 'mesh', version, node: process.versions.node }),
        async '/readyz'() {
          const { isReady, checks } = await readinessOf({ ...mesh, mesh: mesh.engine })
          return json(isReady ? 200 : 503, { status: isReady ? 'ready' : 'unavailable', checks })
        },
      }
      return listen(server, { ...at, setting: 'MESH_METRICS_PORT' })
    },

    async close() {
      const closed = new Promise<void>((resolve) => server.close(() => resolve()))
      server.closeAllConnections()
      await closed
    },
  }
}
