import { openWorkshop, personBy, serveUntilStopped } from '@mesh/example-embedding/workshop'
import { createMesh, session, toNodeHandler } from '@mesh/server'
import { createHostApp } from './host-app.ts'

const dataDir = process.env.DATA_DIR ?? './mesh-data'
const { app, sessionOf, onLogout, serveNews } = createHostApp(personBy)

// Mesh, in six lines: the application's own session says who somebody is, and its logout is the end.
const authenticate = session(({ headers }) => sessionOf(headers.get('cookie')))
const mesh = await createMesh({ dataDir, basePath: '/mesh', authenticate })
app.use('/mesh', toNodeHandler(mesh))
const server = app.listen(Number(process.env.PORT ?? 3000), '127.0.0.1')
mesh.attach(server)
onLogout((sessionId) => mesh.revoke({ sessionId }))

serveNews(server)
await openWorkshop(mesh)
await serveUntilStopped(server, mesh)
