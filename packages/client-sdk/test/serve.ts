import { once } from 'node:events'
import type { IncomingMessage } from 'node:http'
import type { AddressInfo } from 'node:net'
import { resolveLimits } from '@mesh/core'
import type { MeshOptions, MeshSocket } from '@mesh/core'
import { createTestMesh } from '@mesh/core/testing'
import type { TestMesh } from '@mesh/core/testing'
import { WebSocketServer } from 'ws'
import type { WebSocket } from 'ws'

/** The engine in memory behind a real socket. */
export interface TestServer extends TestMesh {
  readonly url: string
  /** The sockets that are open, oldest first. */
  readonly sockets: ReadonlySet<WebSocket>
  /** The HTTP requests that opened sockets, oldest first. */
  readonly requests: readonly IncomingMessage[]
  /** Every text frame that clients sent, oldest first. */
  readonly sent: readonly { id: string; type: string; to: string; payload: Record<string, unknown> }[]
  stop(): Promise<void>
}

/** What is different from the engine's defaults; of the limits only those that are named. */
export type ServeOptions = Omit<Partial<MeshOptions>, 'limits'> & { limits?: object }

/** Starts the engine on a free port of the loopback interface. */
export async function serve({ limits, ...options }: ServeOptions = {}): Promise<TestServer> {
  const test = await createTestMesh({ ...options, limits: resolveLimits(limits) })
  const server = new WebSocketServer({ port: 0, host: '127.0.0.1', handleProtocols: () => 'mesh.v1' })
  const requests: IncomingMessage[] = []
  const sent: TestServer['sent'][number][] = []
  server.on('connection', (socket, request) => {
    requests.push(request)
    const headers = { get: (name: string) => String(request.headers[name] ?? '') || null }
    const transport: MeshSocket = {
      send: ({ text }) => socket.send(text),
      close: (code, reason) => socket.close(code, reason),
      ping: () => socket.ping(),
      get received() {
        return request.socket.bytesRead
      },
      get bufferedAmount() {
        return socket.bufferedAmount
      },
    }
    const connection = test.mesh.accept(transport, { url: request.url ?? '/', headers, address: '127.0.0.1' })
    socket.on('close', (code, reason) => connection.closed(code, String(reason)))
    socket.on('message', (data: Buffer, isBinary) => {
      if (isBinary) return connection.binary()
      const text = String(data)
      sent.push(JSON.parse(text) as (typeof sent)[number])
      connection.message(text, data.length)
    })
  })
  await once(server, 'listening')
  return {
    ...test,
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/ws`,
    sockets: server.clients,
    requests,
    sent,
    async stop() {
      await test.mesh.close()
      for (const socket of server.clients) socket.terminate()
      await new Promise((resolve) => server.close(resolve))
    },
  }
}
