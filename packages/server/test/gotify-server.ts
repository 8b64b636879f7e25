import { readFileSync } from 'node:fs'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { Ajv } from 'ajv'

/** What was posted, and accepted. */
export interface Posted {
  token: string
  title: string
  message: string
}

/** How the server behaves: well, or in one of the ways in which servers do not. */
export type Mode = 'well' | 'slow' | 'error' | 'busy' | 'redirect' | 'garbage' | 'hang' | 'endless' | 'refuse'

/** A Gotify server of the tests' own. It takes nothing that Gotify's API does not describe. */
export interface GotifyServer {
  readonly url: string
  /** What it has taken, in order. */
  readonly messages: Posted[]
  /** What was wrong with a request, by the description of the API. */
  readonly faults: string[]
  /** How many requests came in, however they were answered. */
  readonly requests: number
  mode: Mode
  close(): Promise<void>
}

interface Api {
  paths: { '/message': { post: { consumes: string[]; security: Record<string, unknown>[] } } }
  definitions: Record<string, object>
  securityDefinitions: Record<string, { name: string; in: string }>
}

const api = JSON.parse(readFileSync(new URL('gotify-api.json', import.meta.url), 'utf8')) as Api
const keyHeader = String(api.securityDefinitions['appTokenHeader']?.name).toLowerCase()
// The formats are those of Go's types, and say nothing about JSON.
const ajv = new Ajv({ allErrors: true, formats: { int64: true, 'date-time': true } })
const isCreateMessage = ajv.compile({ ...api.definitions['CreateMessage'], additionalProperties: false })
const isMessage = ajv.compile({ ...api.definitions['Message'] })

/** Starts it; applications with these tokens exist. */
export async function createGotifyServer(...tokens: string[]): Promise<GotifyServer> {
  const messages: Posted[] = []
  const faults: string[] = []
  const timers = new Set<NodeJS.Timeout>()
  let requests = 0
  const state = { mode: 'well' as Mode }

  function answer(response: ServerResponse, status: number, body: unknown, headers = {}): void {
    response.writeHead(status, { 'content-type': 'application/json', ...headers })
    response.end(typeof body === 'string' ? body : JSON.stringify(body))
  }

  const error = (status: number) => ({ error: 'no', errorCode: status, errorDescription: 'no' })

  async function take(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const chunks: Buffer[] = []
    for await (const chunk of request as AsyncIterable<Buffer>) chunks.push(chunk)
    if (request.method !== 'POST' || request.url !== '/message') {
      faults.push('no such path, or something in the query')
      return answer(response, 404, error(404))
    }
    if (!api.paths['/message'].post.consumes.includes(String(request.headers['content-type'])))
      faults.push('content type')
    if (request.headers.authorization !== undefined) faults.push('two ways to authenticate')
    const token = String(request.headers[keyHeader] ?? '')
    if (!tokens.includes(token)) return answer(response, 401, error(401))
    const body: unknown = JSON.parse(Buffer.concat(chunks).toString('utf8'))
    if (!isCreateMessage(body)) {
      faults.push(ajv.errorsText(isCreateMessage.errors))
      return answer(response, 400, error(400))
    }
    const { title, message } = body as { title: string; message: string }
    messages.push({ token, title, message })
    const posted = { id: messages.length, appid: 1, message, title, date: new Date().toISOString() }
    if (!isMessage(posted)) throw new Error('the answer of this server is not as the API has it')
    answer(response, 200, posted)
  }

  function misbehave(mode: Exclude<Mode, 'well' | 'slow'>, request: IncomingMessage, response: ServerResponse): void {
    request.resume()
    if (mode === 'error') answer(response, 500, error(500))
    else if (mode === 'busy') answer(response, 429, error(429), { 'retry-after': '1' })
    else if (mode === 'redirect') answer(response, 302, '', { location: '/elsewhere' })
    else if (mode === 'garbage') answer(response, 200, '<html>Welcome to the network</html>')
    else if (mode === 'refuse') answer(response, 401, error(401))
    else if (mode === 'endless') {
      response.writeHead(200, { 'content-type': 'application/json' })
      const more = setInterval(() => response.write('x'.repeat(65_536)), 5)
      timers.add(more)
      response.on('close', () => clearInterval(more))
    }
  }

  const server = createServer((request, response) => {
    requests++
    const { mode } = state
    if (mode === 'slow') timers.add(setTimeout(() => void take(request, response), 400))
    else if (mode === 'well') void take(request, response)
    else misbehave(mode, request, response)
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo

  return {
    url: `http://127.0.0.1:${port}`,
    messages,
    faults,
    get requests() {
      return requests
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
