import { openWorkshop, serveUntilStopped } from '@mesh/example-embedding/workshop'
import { createServer } from 'node:http'
import { createMesh, jwt, toNodeHandler } from '@mesh/server'
import { createHostApp } from './host-app.ts'
import { startIssuer } from './issuer.ts'

const dataDir = process.env.DATA_DIR ?? './mesh-data'
const audience = 'https://app.example'
const { url: issuer, notifyAt } = await startIssuer(audience)

// Mesh, in six lines: the provider's tokens say who somebody is, and its word of a logout is the end.
const authenticate = jwt({ issuer, audience, jwks: `${issuer}/jwks.json` })
const mesh = await createMesh({ dataDir, basePath: '/mesh', authenticate })
const serverFactory = (handler: Parameters<typeof toNodeHandler>[1]) => createServer(toNodeHandler(mesh, handler))
const app = createHostApp({ issuer, audience, serverFactory, onLogout: (sessionId) => mesh.revoke({ sessionId }) })
const url = await app.listen({ port: Number(process.env.PORT ?? 3000), host: '127.0.0.1' })
mesh.attach(app.server)

notifyAt(`${url}/backchannel-logout`)
await openWorkshop(mesh, issuer)
await serveUntilStopped(app.server, mesh, issuer)
