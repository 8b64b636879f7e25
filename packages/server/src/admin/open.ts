import { existsSync } from 'node:fs'
import { request } from 'node:http'
import { errorCodes, MeshError, type ErrorCode, type ErrorDetails } from '@mesh/core'
import type { Config } from '../config.ts'
import type { MeshServer } from '../mesh-server.ts'
import { openMesh } from '../open-mesh.ts'
import {
  operationOf,
  perform,
  type AdminInput,
  type AdminOperation,
  type AdminOutput,
  type AdminResult,
} from './operations.ts'
import { isForeign, socketPathOf } from './socket-path.ts'
import { adminPath, isLive } from './socket.ts'

/** How long a running server has to answer, in milliseconds: longer than a full queue of passwords. */
const answerMs = 15_000

/** The administrator's hand on an installation. */
export interface Admin {
  /** Whether a running server does it, and tells everybody at once, or this process on the database. */
  readonly mode: 'socket' | 'direct'
  /**
   * Does one operation. @throws MeshError whatever the operation refuses; UNAVAILABLE when the server goes away meanwhile;
   * NOT_FOUND when there is no installation in the data directory and the operation does not make one
   */
  call<K extends AdminOperation>(operation: K, input: AdminInput<K>): Promise<AdminOutput<K>>
  close(): Promise<void>
}

/**
 * Opens an installation: through the socket of the server that runs on its data directory, or on its database where none
 * runs. @throws MeshError ACCESS_DENIED when the server is another user's
 */
export async function openAdmin({ config }: { config: Config }): Promise<Admin> {
  const path = socketPathOf(config.dataDir)
  return (await isRunning(config.dataDir)) ? throughSocket(path) : onDatabase(config)
}

/** Whether a server runs on a data directory. @throws MeshError ACCESS_DENIED when it is another user's */
export async function isRunning(dataDir: string): Promise<boolean> {
  const path = socketPathOf(dataDir)
  try {
    // Passwords go through this socket; one in a directory of somebody else's could be anybody's.
    if (!isForeign(path, dataDir)) return await isLive(path)
  } catch (error) {
    if (!(error instanceof Error && 'code' in error && (error.code === 'EACCES' || error.code === 'EPERM'))) throw error
  }
  throw new MeshError('ACCESS_DENIED', `${path} belongs to another user`)
}

function throughSocket(path: string): Admin {
  return {
    mode: 'socket',
    // The other end runs the same table; what it answers is what the table says.
    call: async (operation, input) => (await post(path, { operation, input })) as AdminOutput<typeof operation>,
    close: async () => {},
  }
}

function onDatabase(config: Config): Admin {
  let mesh: Promise<MeshServer> | undefined
  return {
    mode: 'direct',
    async call(operation, input) {
      // A mistyped directory must not become a new installation.
      const creates = operationOf(operation)?.creates ?? false
      const { database } = config
      if (!creates && 'file' in database && !existsSync(database.file)) {
        throw new MeshError('NOT_FOUND', `There is no Mesh database ${database.file}`, { reason: 'no_database' })
      }
      mesh ??= openMesh(config, {
        migrate: creates ? 'auto' : 'check',
        // It is gone in a moment, and knows nobody who is connected.
        deliveries: { isActive: false },
      })
      return (await perform(await mesh, operation, input)) as AdminOutput<typeof operation>
    },
    close: async () => (await mesh)?.close(),
  }
}

async function post(path: string, body: unknown): Promise<AdminResult> {
  const { status, text } = await exchange(path, JSON.stringify(body))
  const answer = parse(text)
  if (status === 200 && 'data' in answer) return { ...answer, data: answer['data'] }
  const { code, message, payload } = answer
  if (!errorCodes.includes(code as ErrorCode)) throw new MeshError('UNAVAILABLE', 'The server answered nonsense')
  throw new MeshError(code as ErrorCode, typeof message === 'string' ? message : undefined, payload as ErrorDetails)
}

function exchange(socketPath: string, body: string): Promise<{ status: number | undefined; text: string }> {
  return new Promise((resolve, reject) => {
    const gone = (cause: unknown) => {
      const error = new MeshError('UNAVAILABLE', 'The server went away before it answered')
      error.cause = cause
      reject(error)
    }
    const options = { socketPath, path: adminPath, method: 'POST', agent: false, timeout: answerMs }
    const asking = request(options, (response) => {
      const chunks: Buffer[] = []
      response.on('data', (chunk: Buffer) => chunks.push(chunk))
      response.on('error', gone)
      response.on('end', () => resolve({ status: response.statusCode, text: Buffer.concat(chunks).toString('utf8') }))
    })
    asking.on('timeout', () => asking.destroy(new Error('no answer in time')))
    asking.on('error', gone)
    asking.setHeader('content-type', 'application/json')
    asking.end(body)
  })
}

function parse(text: string): Record<string, unknown> {
  try {
    const value: unknown = JSON.parse(text)
    return typeof value === 'object' && value !== null ? { ...value } : {}
  } catch {
    return {}
  }
}
