import { serve } from '@hono/node-server'
import { openWorkshop, serveUntilStopped } from '@mesh/example-embedding/workshop'
import { createMesh, session } from '@mesh/server'
import { createHostApp } from './host-app.ts'

const dataDir = process.env.DATA_DIR ?? './mesh-data'
const { app, sessionOf, onLogout } = createHostApp()

// Mesh, in six lines: the application's own session says who somebody is, and its logout is the end.
const authenticate = session(({ headers }) => sessionOf(headers))
const mesh = await createMesh({ dataDir, basePath: '/mesh', authenticate })
app.all('/mesh/*', ({ req, env }) => mesh.fetch(req.raw, { address: env.incoming.socket.remoteAddress }))
const server = serve({ fetch: app.fetch, port: Number(process.env.PORT ?? 3000), hostname: '127.0.0.1' })
mesh.attach(server)
onLogout((sessionId) => mesh.revoke({ sessionId }))

await openWorkshop(mesh)
await serveUntilStopped(server, mesh)
