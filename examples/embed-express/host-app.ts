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
  /** The user whose session a Cookie header names. */
  userOf(cookie: string | null | undefined): AppUser | undefined
  /** Serves the application's own WebSocket, which greets whoever comes. */
  serveNews(server: Server): void
}

/** Builds the application with its users; a password is the same as the name, this is an example. */
export function createHostApp(users: readonly AppUser[]): HostApp {
  const sessions = new Map<string, AppUser>()

  function userOf(cookie: string | null | undefined): AppUser | undefined {
    const [, sid] = /(?:^|;\s*)sid=([\w-]+)/.exec(cookie ?? '') ?? []
    return sid === undefined ? undefined : sessions.get(sid)
  }

  const app = express()
  app.use(express.json())
  app.post('/login', (request, response) => {
    const { name, password } = request.body as { name?: unknown; password?: unknown }
    const user = users.find((candidate) => candidate.name === name && candidate.name === password)
    if (!user) return void response.status(401).json({ error: 'Wrong name or password' })
    const sid = randomUUID()
    sessions.set(sid, user)
    response.cookie('sid', sid, { httpOnly: true, sameSite: 'strict' }).json({ name: user.name })
  })
  app.get('/hello', (request, response) => {
    response.json({ hello: userOf(request.headers.cookie)?.name ?? 'stranger' })
  })

  return {
    app,
    userOf,
    serveNews(server) {
      const news = new WebSocketServer({ server, path: '/news' })
      news.on('connection', (socket) => {
        socket.on('error', () => {})
        socket.send('welcome to the news')
      })
    },
  }
}
