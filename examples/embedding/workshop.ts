// What the examples need so that there is something to see, and no application needs.
import { once } from 'node:events'
import type { Server } from 'node:net'
import { hostUserId, type MeshServer } from '@mesh/server'

/** The people of the examples; a password is the same as the name. */
export const people: readonly { id: string; name: string }[] = [
  { id: '17', name: 'carol' },
  { id: '18', name: 'dave' },
]

/** Whoever has this name and password. */
export function personBy(credentials: unknown): (typeof people)[number] | undefined {
  const { name, password } = credentials as { name?: unknown; password?: unknown }
  return people.find((person) => person.name === name && person.name === password)
}

/** Makes a room for the two, under the ids that Mesh has for the users whom the issuer knows by theirs. */
export async function openWorkshop({ rooms, storage }: MeshServer, issuer?: string): Promise<void> {
  if ((await rooms.list('administrator', { limit: 1 })).length > 0) return
  const ids = people.map(({ id }) => hostUserId(id, issuer))
  for (const [index, { name }] of people.entries()) {
    await storage.users.ensure({ user_id: ids[index] ?? '', username: name, created_at: Date.now() })
  }
  const { room_id } = await rooms.create(ids[0] ?? '', 'Workshop')
  await rooms.setMember('administrator', room_id, ids[1] ?? '', 'member')
}

/** Prints where the application serves, and where people log in if that is elsewhere; stops cleanly on a signal. */
export async function serveUntilStopped(server: Server, mesh: MeshServer, loginBase = ''): Promise<void> {
  if (!server.listening) await once(server, 'listening')
  const address = server.address()
  if (typeof address === 'object' && address) console.log(`http://127.0.0.1:${address.port} ${loginBase}`.trim())
  for (const signal of ['SIGTERM', 'SIGINT'] as const) {
    process.once(signal, () => {
      server.close()
      void mesh.close().then(() => process.exit(0))
    })
  }
}
