import { MeshError, type Authenticate, type Logger } from '@mesh/core'
import { Hono } from 'hono'
import { bodyLimit } from 'hono/body-limit'
import { cors } from 'hono/cors'
import { maxBody } from './body.ts'
import { createDocuments } from './documents.ts'
import type { Env } from './env.ts'
import { errorResponse } from './error.ts'
import { mount } from './mount.ts'
import type { Place, Services } from './route.ts'
import { routesOf } from './routes.ts'

/** What the REST half is made of. */
export interface AppOptions extends Omit<Services, 'documents'>, Place {
  authenticate: Authenticate
  /** Whether people log in here, and not at a host application. */
  builtinAccounts: boolean
  logger: Logger
  allowOrigin(origin: string): boolean
}

/** REST as one web-standard handler; it mounts wherever a Request can be had. */
export function createApp(options: AppOptions): Hono<Env> {
  const { authenticate, logger } = options
  const routes = routesOf(options)
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
  const tooLarge = () => errorResponse(new MeshError('MESSAGE_TOO_LARGE'), logger)
  app.use('*', bodyLimit({ maxSize: maxBody, onError: tooLarge }))
  const documents = createDocuments({ ...options, routes, limits: options.mesh.limits })
  mount(app, routes, { ...options, documents }, authenticate)
  app.notFound(() => errorResponse(new MeshError('NOT_FOUND', 'No such route'), logger))
  // Whoever hangs up in the middle of a request is not a fault of ours, and does not read the answer either.
  app.onError((error, c) =>
    errorResponse(
      c.req.raw.signal.aborted ? new MeshError('BAD_MESSAGE', 'The request was broken off') : error,
      logger,
    ),
  )
  return app
}
