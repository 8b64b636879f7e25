import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { connect, type Mesh } from '@mesh/client-sdk'
import { WebSocket } from 'ws'

/** Somebody who has logged in to an application, the way it has always been done there. */
export interface Visitor {
  /** What goes along with every request: a cookie, or a token as Bearer. */
  headers: Record<string, string>
  /** The token, where the application gives one to scripts. */
  token: string | undefined
}

/** An example application in a process of its own. */
export interface App {
  base: string
  login(name: string): Promise<Visitor>
  logout(visitor: Visitor): Promise<Response>
  /** Connects over Mesh with what the visitor has from the application, and nothing else. */
  connect(visitor: Visitor, origin?: string): Promise<Mesh>
  close(): Promise<void>
}

/** Starts an example. It prints where it serves and, where people log in elsewhere, where that is. */
export async function startApp(server: URL): Promise<App> {
  const dataDir = await mkdtemp(join(tmpdir(), 'mesh-embed-'))
  const child = spawn(process.execPath, ['--conditions=@mesh/source', server.pathname], {
    env: { ...process.env, PORT: '0', DATA_DIR: dataDir },
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  const lines = createInterface({ input: child.stdout })
  const [line] = (await once(lines, 'line')) as [string]
  const [base = '', loginBase = base] = line.split(' ')

  return {
    base,
    async login(name) {
      const response = await fetch(`${loginBase}/login`, {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify({ name, password: name }),
      })
      const { token } = (await response.json()) as { token?: string }
      const cookie = response.headers.get('set-cookie')?.split(';')[0]
      const headers: Record<string, string> = cookie ? { cookie } : { authorization: `Bearer ${token}` }
      return { headers, token }
    },
    logout: ({ headers }) => fetch(`${loginBase}/logout`, { method: 'POST', headers: { ...headers, origin: base } }),
    connect: ({ headers, token }, origin = base) =>
      connect({
        url: `${base}/mesh/ws`,
        token,
        // A page in a browser sends both by itself.
        WebSocket: class extends WebSocket {
          constructor(url: string, protocols?: string | string[]) {
            super(url, protocols, { origin, headers: headers.cookie === undefined ? {} : { cookie: headers.cookie } })
          }
        },
      }),
    async close() {
      child.kill('SIGTERM')
      if (child.exitCode === null) await once(child, 'exit')
      await rm(dataDir, { recursive: true })
    },
  }
}
