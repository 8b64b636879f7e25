// An application with Hono, which keeps its sessions in a signed cookie. Mesh is not in this file.
import type { HttpBindings } from '@hono/node-server'
import { personBy } from '@mesh/example-embedding/workshop'
import { randomUUID } from 'node:crypto'
import { Hono } from 'hono'
import { deleteCookie, setSignedCookie } from 'hono/cookie'
import { parseSigned } from 'hono/utils/cookie'

/** Somebody's session. */
export interface AppSession {
  id: string
  name: string
  sessionId: string
}

/** The application. */
export interface HostApp {
  app: Hono<{ Bindings: HttpBindings }>
  /** The session that the headers of a request name. */
  sessionOf(headers: Headers): Promise<AppSession | undefined>
  /** Called when somebody logs out. */
  onLogout(listener: (sessionId: string) => Promise<void>): void
}

/** Builds the application. */
export function createHostApp(): HostApp {
  const secret = randomUUID()
  const sessions = new Map<string, AppSession>()
  let loggedOut = async (_sessionId: string): Promise<void> => {}
  const app: HostApp['app'] = new Hono()

  const sessionOf: HostApp['sessionOf'] = async (headers) => {
    const { app: sessionId } = await parseSigned(headers.get('cookie') ?? '', secret, 'app')
    return sessionId ? sessions.get(sessionId) : undefined
  }

  app.post('/login', async (c) => {
    const person = personBy(await c.req.json())
    if (!person) return c.json({ error: 'Wrong name or password' }, 401)
    const sessionId = randomUUID()
    sessions.set(sessionId, { ...person, sessionId })
    await setSignedCookie(c, 'app', sessionId, secret, { httpOnly: true, sameSite: 'Strict' })
    return c.json({ name: person.name })
  })
  app.post('/logout', async (c) => {
    const session = await sessionOf(c.req.raw.headers)
    deleteCookie(c, 'app')
    if (session) {
      sessions.delete(session.sessionId)
      await loggedOut(session.sessionId)
    }
    return c.json({})
  })
  app.get('/hello', async (c) => c.json({ hello: (await sessionOf(c.req.raw.headers))?.name ?? 'stranger' }))

  return {
    app,
    sessionOf,
    onLogout(listener) {
      loggedOut = listener
    },
  }
}
