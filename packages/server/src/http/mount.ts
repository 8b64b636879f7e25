import {
  actorOf,
  createRateLimiter,
  isMeshError,
  MeshError,
  networkOf,
  type Authenticate,
  type Principal,
} from '@mesh/core'
import type { Context, Hono } from 'hono'
import { etag } from 'hono/etag'
import * as v from 'valibot'
import { readBody, readQuery } from './body.ts'
import type { Env } from './env.ts'
import { paramsOf, pathParams, statusOf, type Route, type Services } from './route.ts'

/**
 * Puts routes into a Hono application. A call is judged in this order: attempts from its address, token, rate of the user, administrator
 * where one is asked for, query, body, path; what comes after (room, membership, role, state) is its handler's.
 */
export function mount(app: Hono<Env>, routes: readonly Route[], services: Services, authenticate: Authenticate): void {
  // By user: by login or device, calling with many of them would get around it.
  const callers = createRateLimiter(services.mesh.limits.calls, () => performance.now())

  function takeCall(principal: Principal, route: Route): void {
    const retry_after_ms = callers.take(principal.user_id)
    if (retry_after_ms > 0) throw new MeshError('RATE_LIMITED', undefined, { retry_after_ms })
    if (route.class) services.mesh.spend(principal, route.class)
  }

  for (const route of routes) {
    // Whoever kept an answer asks whether it still holds, and is spared a second copy.
    if (route.maxAge !== undefined) app.use(route.path, etag())
    app.on(route.method.toUpperCase(), route.path, async (c) => {
      if (route.exists && !(await route.exists(services))) return c.notFound()
      const { address } = c.env
      const network = address === undefined ? undefined : networkOf(address)
      let principal: Principal | undefined
      const answer = await answerOf().catch((error: unknown) => {
        const action = principal || route.auth === 'none' ? (route.audit?.action ?? 'request.deny') : 'auth.token'
        services.mesh.audit.denied(error, {
          action,
          address,
          ...(principal && actorOf(principal)),
          request: route.name,
        })
        services.calls.add(`${route.name} ${isMeshError(error) ? error.code : 'INTERNAL'}`)
        throw error
      })
      services.calls.add(`${route.name} ok`)
      if (route.limit) services.attempts.giveBack(route.limit, network)
      c.header('cache-control', route.maxAge === undefined ? 'no-store' : `public, max-age=${route.maxAge}`)
      const status = statusOf(route)
      // JSON is what every answer's schema can be written as, which the documents prove for each.
      return status === 204 ? c.body(null, 204) : c.json(answer as object, status)

      async function answerOf(): Promise<unknown> {
        if (route.limit) services.attempts.take(route.limit, network)
        if (route.auth !== 'none') principal = await principalOf(c, authenticate)
        if (principal) takeCall(principal, route)
        if (route.auth === 'admin') requireAdmin(principal)
        const query = route.query && readQuery(c, route.query)
        const body = route.body && (await readBody(c, route.body))
        const confirm = async () => {
          const current = await principalOf(c, authenticate)
          if (route.auth === 'admin') requireAdmin(current)
        }
        const call = { app: services, principal, params: readParams(c, route), query, body, confirm, network }
        const answer = await route.handle(call)
        const { action, note = () => ({}) } = route.audit ?? {}
        const more = action && note(call, answer)
        // Whoever gets in is on disk before they are.
        if (more)
          await services.mesh.audit({ action, outcome: 'ok', address, ...(principal && actorOf(principal)), ...more })
        return answer
      }
    })
  }
}

/** Asks for an administrator. @throws MeshError ACCESS_DENIED */
export function requireAdmin(principal: Principal | undefined): void {
  if (!principal?.admin) throw new MeshError('ACCESS_DENIED', 'Only an administrator may do this')
}

async function principalOf(c: Context<Env>, authenticate: Authenticate): Promise<Principal> {
  const token = /^Bearer ([A-Za-z0-9._~+/-]+=*)$/i.exec(c.req.header('authorization') ?? '')?.[1]
  const principal = await authenticate({
    token,
    request: { url: c.req.url, method: c.req.method, address: c.env.address ?? '', headers: c.req.raw.headers },
  })
  return { ...principal, address: c.env.address }
}

/** What is not written like an id cannot be there, so no store is asked for it. */
function readParams(c: Context, route: Route): Record<string, string> {
  return Object.fromEntries(
    paramsOf(route).map((name) => {
      const { schema, missing } = pathParams[name]
      const value = c.req.param(name)
      if (!v.is(schema, value)) throw new MeshError(missing)
      return [name, value]
    }),
  )
}
