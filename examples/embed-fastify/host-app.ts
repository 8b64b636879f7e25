// An application with Fastify whose users log in at an identity provider. Mesh is not in this file.
import Fastify, { type FastifyInstance, type FastifyServerFactory } from 'fastify'
import { createRemoteJWKSet, jwtVerify } from 'jose'

/** Builds the application; `onLogout` is called when the provider says that a session is over. */
export function createHostApp(options: {
  issuer: string
  audience: string
  serverFactory: FastifyServerFactory
  onLogout(sessionId: string): Promise<void>
}): FastifyInstance {
  const { issuer, audience, onLogout } = options
  const keys = createRemoteJWKSet(new URL(`${issuer}/jwks.json`))
  const app = Fastify({ serverFactory: options.serverFactory })
  app.addContentTypeParser(
    'application/x-www-form-urlencoded',
    { parseAs: 'string' },
    async (_request: unknown, body: string) => Object.fromEntries(new URLSearchParams(body)),
  )

  app.get('/hello', async (request) => {
    const token = request.headers.authorization?.replace('Bearer ', '') ?? ''
    const { payload } = await jwtVerify(token, keys, { issuer, audience, typ: 'at+jwt' })
    return { hello: payload.name }
  })
  app.post('/backchannel-logout', async (request) => {
    const { logout_token } = request.body as { logout_token: string }
    const { payload } = await jwtVerify(logout_token, keys, { issuer, audience, typ: 'logout+jwt' })
    await onLogout(String(payload.sid))
    return {}
  })
  return app
}
