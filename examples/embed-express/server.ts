import { once } from 'node:events'
import { createMesh, hostUserId, toNodeHandler } from '@mesh/server'
import { createHostApp } from './host-app.ts'

const dataDir = process.env.DATA_DIR ?? './mesh-data'
const users = [
  { id: '17', name: 'carol' },
  { id: '18', name: 'dave' },
]
const { app, userOf, serveNews } = createHostApp(users)

// Mesh, in six lines: the application's own session says who somebody is.
const mesh = await createMesh({
  dataDir,
  basePath: '/mesh',
  authenticate: ({ request }) => userOf(request.headers.get('cookie')),
})
app.use('/mesh', toNodeHandler(mesh))
const server = app.listen(Number(process.env.PORT ?? 3000), '127.0.0.1')
mesh.attach(server)

serveNews(server)

// A room for the two, under the ids that Mesh has for the application's users.
const [carol, dave] = users.map(({ id, name }) => ({ user_id: hostUserId(id), username: name, created_at: Date.now() }))
if (carol && dave && (await mesh.rooms.list('administrator', { limit: 1 })).length === 0) {
  for (const user of [carol, dave]) await mesh.storage.users.ensure(user)
  const { room_id } = await mesh.rooms.create(carol.user_id, 'Workshop')
  await mesh.rooms.setMember('administrator', room_id, dave.user_id, 'member')
}

if (!server.listening) await once(server, 'listening')
const address = server.address()
if (typeof address === 'object' && address) console.log(`http://127.0.0.1:${address.port}`)
for (const signal of ['SIGTERM', 'SIGINT'] as const) {
  process.once(signal, () => {
    server.close()
    void mesh.close().then(() => process.exit(0))
  })
}
