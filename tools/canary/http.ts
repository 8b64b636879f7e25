import { connect } from 'node:net'
import { harvest } from './harvest.ts'
import type { Places } from './places.ts'
import type { Secrets } from './secrets.ts'

/** One request. */
export interface Ask {
  /** What the OpenAPI document calls it. */
  operation: string
  method: string
  path: string
  /** Anything but a text is sent as JSON. */
  body?: unknown
  token?: string | undefined
  headers?: Record<string, string>
}

/** An answer; `body` is empty where it had none. */
export interface Answer {
  readonly status: number
  readonly body: Readonly<Record<string, unknown>>
}

/** REST with a canary in every header that nobody asked for, and every answer noted. */
export interface Http {
  ask(request: Ask): Promise<Answer>
  /** Begins a request and hangs up in the middle of its body. */
  breakOff(request: Ask): Promise<void>
}

/** @see Http */
export function createHttp(base: () => string, { secrets, places }: { secrets: Secrets; places: Places }): Http {
  const headersOf = ({ body, token, headers }: Ask): Record<string, string> => ({
    ...(body === undefined ? {} : { 'content-type': 'application/json' }),
    ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
    cookie: `session=${secrets.make('cookie')}`,
    'user-agent': secrets.make('header'),
    referer: `https://${secrets.make('header')}.example/?q=${secrets.make('query string')}`,
    'x-forwarded-for': secrets.make('header'),
    'x-request-id': secrets.make('header'),
    ...headers,
  })
  const textOf = (body: unknown) => (typeof body === 'string' ? body : JSON.stringify(body))

  return {
    async ask(request) {
      const { operation, method, path, body } = request
      const options = { method, headers: headersOf(request), ...(body === undefined ? {} : { body: textOf(body) }) }
      const response = await fetch(base() + path, options)
      const text = await response.text()
      const place = `${response.status < 400 ? 'answer' : 'error'} ${operation}`
      places.add(place, `${JSON.stringify([...response.headers])}\n${text}`)
      const answer = text === '' ? {} : (JSON.parse(text) as Answer['body'])
      if (response.status < 400) harvest(answer, operation, secrets)
      return { status: response.status, body: answer }
    },

    async breakOff(request) {
      const { hostname, port } = new URL(base())
      const head = Object.entries({ ...headersOf(request), host: 'mesh', 'content-length': '5000' })
      const lines = [`${request.method} ${request.path} HTTP/1.1`, ...head.map(([name, value]) => `${name}: ${value}`)]
      const socket = connect(Number(port), hostname)
      const closed = new Promise<void>((resolve) => socket.once('close', () => resolve()))
      socket.on('error', () => {})
      socket.write(`${lines.join('\r\n')}\r\n\r\n${textOf(request.body) ?? ''}`, () => socket.destroy())
      await closed
    },
  }
}
