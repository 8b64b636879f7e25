import { openWorkshop, serveUntilStopped } from '@mesh/example-embedding/workshop'
import { createServer } from 'node:http'
import { createMesh, toNodeHandler } from '@mesh/server'
import { createHostApp } from './host-app.ts'

const dataDir = process.env.DATA_DIR ?? './mesh-data'
const { handle, loginOf, onLogout } = createHostApp()

// Mesh, in five lines: the application's own tokens say who somebody is, and its logout is the end.
const mesh = await createMesh({ dataDir, basePath: '/mesh', authenticate: ({ token }) => loginOf(token) })
const server = createServer(toNodeHandler(mesh, handle))
server.listen(Number(process.env.PORT ?? 3000), '127.0.0.1')
mesh.attach(server)
onLogout((sessionId) => mesh.revoke({ sessionId }))

await openWorkshop(mesh)
await serveUntilStopped(server, mesh)
