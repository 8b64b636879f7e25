import { renameSync, rmSync } from 'node:fs'
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import { connect } from 'node:net'
import { httpStatusOf, MeshError } from '@mesh/core'
import type { MeshServer } from '../mesh-server.ts'
import { perform, toMeshError } from './operations.ts'
import { prepareSocketDirectory, socketPathOf } from './socket-path.ts'

/** The one route. */
export const adminPath = '/admin'

/** The largest request, in bytes. */
const bodyLimit = 64 * 1024

/** How long requests under way may take once the server stops, in milliseconds. */
const closingMs = 2_000

/**
 * Lets the administrator of this machine in: HTTP over a Unix socket of mode 0600, so that who may open the file may do
 * everything. It also marks the data directory as taken: there is one server for it.
 *
 * @throws Error with one sentence when another server runs on this data directory, or the socket cannot be made
 */
export async function listenAdmin(mesh: MeshServer, dataDir: string): Promise<{ close(): Promise<void> }> {
  const path = socketPathOf(dataDir)
  prepareSocketDirectory(path, dataDir)
  const server = createServer({ requestTimeout: 10_000 }, (request, response) => void answer(mesh, request, response))
  const taken = new Error(`Another server runs on the data directory ${dataDir}.`)
  try {
    await listen(server, path).catch(async (error: unknown) => {
      if (!isCode(error, 'EADDRINUSE')) throw error
      if (!(await removeStale(path))) throw taken
      await listen(server, path)
    })
  } catch (error) {
    if (error === taken || isCode(error, 'EADDRINUSE')) throw taken
    throw new Error(`Cannot listen on ${path}: ${messageOf(error)}`, { cause: error })
  }
  // Without a listener, an error would end the process.
  server.on('error', () => {})
  return {
    async close() {
      const closed = new Promise<void>((resolve) => server.close(() => resolve()))
      server.closeIdleConnections()
      const timer = setTimeout(() => server.closeAllConnections(), closingMs)
      await closed
      clearTimeout(timer)
    },
  }
}

/** Whether somebody listens on a socket. @throws the error of `node:net` when that cannot be told, e.g. EACCES */
export function isLive(path: string): Promise<boolean> {
  return new Promise((resolve, reject) => {
    const socket = connect(path)
    socket.once('connect', () => {
      socket.destroy()
      resolve(true)
    })
    socket.once('error', (error) => {
      const nobody = ['ENOENT', 'ECONNREFUSED', 'ENOTSOCK', 'ENOTDIR'].some((code) => isCode(error, code))
      if (nobody) resolve(false)
      else reject(error)
    })
  })
}

function listen(server: Server, path: string): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', reject)
    // A socket is bound within listen(): at no moment is it there with another mode.
    const mask = process.umask(0o177)
    try {
      server.listen(path, () => {
        server.off('error', reject)
        resolve()
      })
    } finally {
      process.umask(mask)
    }
  })
}

/** Takes away what a killed server left behind; false when it belongs to one that lives. */
async function removeStale(path: string): Promise<boolean> {
  if (await isLive(path)) return false
  const aside = `${path}.${process.pid}`
  renameSync(path, aside)
  // Two servers that start at once both find the old socket dead; the slower one may have moved the faster one's away.
  if (await isLive(aside)) {
    renameSync(aside, path)
    return false
  }
  rmSync(aside)
  return true
}

async function answer(mesh: MeshServer, request: IncomingMessage, response: ServerResponse): Promise<void> {
  const reply = (status: number, body: unknown) => {
    response.writeHead(status, { 'content-type': 'application/json', connection: 'close' }).end(JSON.stringify(body))
  }
  try {
    if (request.method !== 'POST' || request.url !== adminPath) throw new MeshError('NOT_FOUND')
    const { operation, input } = await readBody(request)
    reply(200, await perform(mesh, operation, input))
  } catch (error) {
    const { code, message, details, retryable } = toMeshError(error)
    reply(httpStatusOf(code), { type: 'error', code, message, payload: { retryable, ...details } })
  }
}

async function readBody(request: IncomingMessage): Promise<{ operation?: unknown; input?: unknown }> {
  const chunks: Buffer[] = []
  let size = 0
  for await (const chunk of request as AsyncIterable<Buffer>) {
    size += chunk.length
    // Leaving the loop here would cut the connection, and with it the answer.
    if (size <= bodyLimit) chunks.push(chunk)
  }
  if (size > bodyLimit) throw new MeshError('MESSAGE_TOO_LARGE')
  try {
    const body: unknown = JSON.parse(Buffer.concat(chunks).toString('utf8'))
    if (typeof body === 'object' && body !== null) return body
  } catch {
    // Not JSON is as wrong as JSON of another shape.
  }
  throw new MeshError('BAD_MESSAGE')
}

function isCode(error: unknown, code: string): boolean {
  return error instanceof Error && 'code' in error && error.code === code
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error)
}
