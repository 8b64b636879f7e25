// Where people log in: an identity provider of its own, as there are many. It signs tokens, publishes its keys, and tells the
// application of logouts (OpenID Connect Back-Channel Logout 1.0). Neither the application nor Mesh is in this file.
import { personBy } from '@mesh/example-embedding/workshop'
import { randomUUID } from 'node:crypto'
import { once } from 'node:events'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { json } from 'node:stream/consumers'
import { calculateJwkThumbprint, decodeJwt, exportJWK, generateKeyPair, SignJWT } from 'jose'

/** The identity provider. */
export interface Issuer {
  /** Its address, which is its name as well. */
  url: string
  /** Where it says that somebody logged out. */
  notifyAt(url: string): void
  server: Server
}

/** Starts it on a free port; its tokens are for `audience` and live five minutes. */
export async function startIssuer(audience: string): Promise<Issuer> {
  const { privateKey, publicKey } = await generateKeyPair('ES256')
  const jwk = await exportJWK(publicKey)
  const kid = await calculateJwkThumbprint(jwk)
  let logoutUrl = ''

  const sign = (typ: string, claims: Record<string, unknown>) =>
    new SignJWT(claims)
      .setProtectedHeader({ alg: 'ES256', typ, kid })
      .setIssuer(url)
      .setAudience(audience)
      .setIssuedAt()
      .setExpirationTime('5m')
      .sign(privateKey)

  const routes: Record<string, (body: unknown, token: string) => Promise<object | undefined>> = {
    'GET /jwks.json': async () => ({ keys: [{ ...jwk, kid, alg: 'ES256', use: 'sig' }] }),
    async 'POST /login'(body) {
      const person = personBy(body)
      return person && { token: await sign('at+jwt', { sub: person.id, name: person.name, sid: randomUUID() }) }
    },
    async 'POST /logout'(_body, token) {
      const { sub, sid } = decodeJwt(token)
      const events = { 'http://schemas.openid.net/event/backchannel-logout': {} }
      const logout_token = await sign('logout+jwt', { sub, sid, jti: randomUUID(), events })
      const { ok } = await fetch(logoutUrl, { method: 'POST', body: new URLSearchParams({ logout_token }) })
      return ok ? {} : undefined
    },
  }

  const server = createServer(async (request, response) => {
    const route = routes[`${request.method} ${request.url}`]
    const isJson = request.headers['content-type'] === 'application/json'
    const token = request.headers.authorization?.replace('Bearer ', '') ?? ''
    const answer = await route?.(isJson ? await json(request) : undefined, token)
    response.writeHead(answer ? 200 : route ? 401 : 404, { 'content-type': 'application/json' })
    response.end(JSON.stringify(answer ?? {}))
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`

  return {
    url,
    server,
    notifyAt(at) {
      logoutUrl = at
    },
  }
}
