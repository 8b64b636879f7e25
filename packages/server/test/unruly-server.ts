import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { ServiceMode } from '@mesh/core/testing'

/** A server of the tests' own that can be told to misbehave. */
export interface UnrulyServer {
  readonly url: string
  /** How many requests came in, however they were answered. */
  readonly requests: number
  /** How much was written into answers that have no end, in bytes. */
  readonly poured: number
  mode: ServiceMode
  close(): Promise<void>
}

/** What is answered: a status, and what is sent as JSON. */
type Answer = readonly [status: number, body: unknown]

const failure = (status: number): Answer => [status, { error: 'no', errorCode: status, errorDescription: 'no' }]

/** Starts it. `take` is asked whenever the server takes a request, and is not where it behaves as if it did not. */
export async function createUnrulyServer(
  take: (request: IncomingMessage, body: string) => Answer,
): Promise<UnrulyServer> {
  const timers = new Set<NodeJS.Timeout>()
  const state = { mode: 'well' as ServiceMode, requests: 0, poured: 0 }

  /** Everything but the end. */
  function write(response: ServerResponse, [status, body]: Answer, headers = {}): ServerResponse {
    response.writeHead(status, { 'content-type': 'application/json', ...headers }).write(JSON.stringify(body))
    return response
  }

  const answer = (...all: Parameters<typeof write>) => write(...all).end()

  async function taken(request: IncomingMessage): Promise<Answer> {
    const chunks: Buffer[] = []
    for await (const chunk of request as AsyncIterable<Buffer>) chunks.push(chunk)
    return take(request, Buffer.concat(chunks).toString('utf8'))
  }

  function pour(response: ServerResponse, text: string, everyMs: number): void {
    response.writeHead(200, { 'content-type': 'application/json' })
    const more = setInterval(() => {
      response.write(text)
      state.poured += text.length
    }, everyMs)
    timers.add(more)
    response.on('close', () => clearInterval(more))
  }

  const behave: Readonly<Record<ServiceMode, (request: IncomingMessage, response: ServerResponse) => unknown>> = {
    well: async (request, response) => answer(response, await taken(request)),
    slow: (request, response) => timers.add(setTimeout(() => void behave.well(request, response), 400)),
    error: (_, response) => answer(response, failure(500)),
    busy: (_, response) => answer(response, failure(429), { 'retry-after': '1' }),
    'busy until': (_, response) =>
      answer(response, failure(429), { 'retry-after': new Date(Date.now() + 3_000).toUTCString() }),
    refuse: (_, response) => answer(response, failure(401)),
    redirect: (_, response) => answer(response, [302, ''], { location: '/elsewhere' }),
    garbage: (_, response) => response.writeHead(200).end('<html>Welcome to the network</html>'),
    noise: (_, response) => response.socket?.end('\u0000 SSH-2.0 this is no HTTP\r\n\r\n'),
    hang() {},
    endless: (_, response) => pour(response, 'x'.repeat(65_536), 5),
    trickle: (_, response) => pour(response, ' ', 200),
    unended: async (request, response) => write(response, await taken(request)),
    reset: (_, response) => response.socket?.destroy(),
    mute: async (request, response) => (await taken(request), response.socket?.destroy()),
  }

  const server = createServer((request, response) => {
    state.requests++
    const { mode } = state
    if (!['well', 'slow', 'unended', 'mute'].includes(mode)) request.resume()
    void behave[mode](request, response)
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo

  return {
    url: `http://127.0.0.1:${port}`,
    get requests() {
      return state.requests
    },
    get poured() {
      return state.poured
    },
    get mode() {
      return state.mode
    },
    set mode(mode) {
      state.mode = mode
    },
    async close() {
      for (const timer of timers) clearTimeout(timer)
      server.closeAllConnections()
      await new Promise((resolve) => server.close(resolve))
    },
  }
}
