import { randomUUID } from 'node:crypto'
import {
  httpStatusOf,
  isMeshError,
  MeshError,
  type Authenticate,
  type Keyring,
  type Logger,
  type Mesh,
  type Storage,
} from '@mesh/core'
import { Hono, type MiddlewareHandler } from 'hono'
import { bodyLimit } from 'hono/body-limit'
import { cors } from 'hono/cors'
import type { ContentfulStatusCode } from 'hono/utils/http-status'
import { viewOf, type Accounts } from '../auth/accounts.ts'
import { version } from '../version.ts'
import { authRoutes } from './auth.ts'
import { maxBody } from './body.ts'
import type { Env } from './env.ts'
import { roomRoutes } from './rooms.ts'
import { userRoutes } from './users.ts'

/** What the REST half is made of. */
export interface AppOptions {
  mesh: Mesh
  storage: Storage
  /** The built-in accounts, or undefined where the host application has its own. */
  accounts: Accounts | undefined
  authenticate: Authenticate
  capabilityKeys: Keyring
  issuer: string
  basePath: string
  logger: Logger
  allowOrigin(origin: string): boolean
}

/** REST as one web-standard handler; it mounts wherever a Request can be had. */
export function createApp(options: AppOptions): Hono<Env> {
  const { mesh, storage, accounts, authenticate, issuer, logger } = options

  const authenticated: MiddlewareHandler<Env> = async (c, next) => {
    const token = /^Bearer ([A-Za-z0-9._~+/-]+=*)$/i.exec(c.req.header('authorization') ?? '')?.[1]
    const request = { url: c.req.url, address: '', headers: c.req.raw.headers }
    c.set('principal', await authenticate({ token, request }))
    await next()
  }

  const api = new Hono<Env>()
  if (accounts) api.route('/auth', authRoutes(accounts, authenticated))
  api.use('*', authenticated)
  api.get('/me', async (c) => {
    const user = await storage.users.find(c.get('principal').user_id)
    if (!user) throw new MeshError('NOT_FOUND')
    return c.json(viewOf(user))
  })
  if (accounts) api.route('/users', userRoutes(accounts))
  api.route('/rooms', roomRoutes(mesh))

  const app = new Hono<Env>().basePath(options.basePath)
  app.use(
    '*',
    cors({
      origin: (origin) => (options.allowOrigin(origin) ? origin : null),
      allowHeaders: ['authorization', 'content-type'],
      allowMethods: ['GET', 'POST', 'PUT', 'PATCH', 'DELETE'],
      maxAge: 600,
    }),
  )
  app.use('*', bodyLimit({ maxSize: maxBody, onError: () => errorResponse(new MeshError('MESSAGE_TOO_LARGE')) }))
  app.use('/api/*', async (c, next) => {
    await next()
    c.header('cache-control', 'no-store')
  })
  app.get('/.well-known/jwks.json', (c) => {
    c.header('cache-control', 'public, max-age=600')
    return c.json(options.capabilityKeys.jwks)
  })
  app.get('/healthz', (c) => c.json({ status: 'ok' }))
  app.get('/readyz', async (c) => {
    await storage.ready()
    return c.json({ status: 'ready' })
  })
  app.get('/version', (c) => c.json({ name: 'mesh', version, protocol: 'mesh.v1', issuer }))
  app.route('/api/v1', api)
  app.notFound(() => errorResponse(new MeshError('NOT_FOUND', 'No such route')))
  app.onError((error) => errorResponse(isMeshError(error) ? error : internal(error, logger)))
  return app
}

function internal(error: Error, logger: Logger): MeshError {
  const correlation_id = randomUUID()
  logger.error({ correlation_id, error: error.name, at: error.stack?.split('\n')[1]?.trim() }, 'a request failed')
  return new MeshError('INTERNAL', undefined, { correlation_id })
}

function errorResponse({ code, message, details, retryable }: MeshError): Response {
  const retryAfter = details.retry_after_ms
  return Response.json(
    { type: 'error', code, message, payload: { ...details, retryable } },
    {
      // Every status in the table of errors may have a body.
      status: httpStatusOf(code) as ContentfulStatusCode,
      headers: {
        ...(retryAfter === undefined ? {} : { 'retry-after': String(Math.ceil(retryAfter / 1000)) }),
        ...(code.startsWith('AUTH_') ? { 'www-authenticate': 'Bearer' } : {}),
      },
    },
  )
}
