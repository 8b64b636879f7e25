// An application on Node's own http.Server, whose scripts keep a random token and send it as Bearer. Mesh is not in this file.
import { personBy } from '@mesh/example-embedding/workshop'
import { randomUUID } from 'node:crypto'
import type { IncomingMessage, ServerResponse } from 'node:http'
import { json } from 'node:stream/consumers'

/** Somebody's login. */
export interface Login {
  id: string
  name: string
  sessionId: string
}

/** The application. */
export interface HostApp {
  handle(request: IncomingMessage, response: ServerResponse): Promise<void>
  /** The login that a token belongs to. */
  loginOf(token: string | undefined): Login | undefined
  /** Called when somebody logs out. */
  onLogout(listener: (sessionId: string) => Promise<void>): void
}

/** Builds the application. */
export function createHostApp(): HostApp {
  const logins = new Map<string, Login>()
  let loggedOut = async (_sessionId: string): Promise<void> => {}

  const routes: Record<string, (request: IncomingMessage, token: string) => Promise<object | undefined>> = {
    async 'POST /login'(request) {
      const person = personBy(await json(request))
      if (!person) return undefined
      const token = randomUUID()
      logins.set(token, { ...person, sessionId: randomUUID() })
      return { token }
    },
    async 'POST /logout'(_request, token) {
      const login = logins.get(token)
      logins.delete(token)
      if (login) await loggedOut(login.sessionId)
      return {}
    },
    async 'GET /hello'(_request, token) {
      return { hello: logins.get(token)?.name ?? 'stranger' }
    },
  }

  return {
    async handle(request, response) {
      const token = request.headers.authorization?.replace('Bearer ', '') ?? ''
      const route = routes[`${request.method} ${request.url}`]
      const answer = await route?.(request, token)
      response.writeHead(route ? (answer ? 200 : 401) : 404, { 'content-type': 'application/json' })
      response.end(JSON.stringify(answer ?? {}))
    },
    loginOf: (token) => logins.get(token ?? ''),
    onLogout(listener) {
      loggedOut = listener
    },
  }
}
