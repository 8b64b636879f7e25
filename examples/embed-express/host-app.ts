// An application as it might have been for years: Express, a login with a cookie, and a WebSocket of its own. Mesh is not in
// this file.
import { randomUUID } from 'node:crypto'
import type { Server } from 'node:http'
import express, { type Express } from 'express'
import { WebSocketServer } from 'ws'

/** Somebody who may log in to the application. */
export interface AppUser {
  id: string
  name: string
}

/** The application: its routes, its sessions, and the news it pushes over its own WebSocket. */
export interface HostApp {
  app: Express
  /** The session that a Cookie header names, and whose it is. */
  sessionOf(cookie: string | null | undefined): (AppUser & { sessionId: string }) | undefined
  /** Called when somebody logs out. */
  onLogout(listener: (sessionId: string) => Promise<void>): void
  /** Serves the application's own WebSocket, which greets whoever comes. */
  serveNews(server: Server): void
}

/** Builds the application; `findUser` knows who has which name and password. */
export function createHostApp(findUser: (credentials: unknown) => AppUser | undefined): HostApp {
  const sessions = new Map<string, AppUser>()
  let loggedOut = async (_sessionId: string): Promise<void> => {}

  const sessionOf: HostApp['sessionOf'] = (cookie) => {
    const [, sessionId = ''] = /(?:^|;\s*)sid=([\w-]+)/.exec(cookie ?? '') ?? []
    const user = sessions.get(sessionId)
    return user && { ...user, sessionId }
  }

  const app = express()
  app.use(express.json())
  app.post('/login', (request, response) => {
    const user = findUser(request.body)
    if (!user) return void response.status(401).json({ error: 'Wrong name or password' })
    const sid = randomUUID()
    sessions.set(sid, user)
    response.cookie('sid', sid, { httpOnly: true, sameSite: 'strict' }).json({ name: user.name })
  })
  app.post('/logout', async (request, response) => {
    const session = sessionOf(request.headers.cookie)
    if (session) {
      sessions.delete(session.sessionId)
      await loggedOut(session.sessionId)
    }
    response.clearCookie('sid').json({})
  })
  app.get('/hello', (request, response) => {
    response.json({ hello: sessionOf(request.headers.cookie)?.name ?? 'stranger' })
  })

  return {
    app,
    sessionOf,
    onLogout(listener) {
      loggedOut = listener
    },
    serveNews(server) {
      const news = new WebSocketServer({ server, path: '/news' })
      news.on('connection', (socket) => {
        socket.on('error', () => {})
        socket.send('welcome to the news')
      })
    },
  }
}
