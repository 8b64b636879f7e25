import { randomBytes } from 'node:crypto'
import { mkdtemp, rm } from 'node:fs/promises'
import { createServer } from 'node:http'
import type { RequestListener, Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createMesh, toNodeHandler } from '@mesh/server'
import type { TurnOptions } from '@mesh/server'
import { listen } from './listen.ts'
import { createPages } from './pages.ts'

/** Where the demo listens. */
export interface DemoOptions {
  /** The port of the loopback interface; 0 for any. */
  port: number
  /** Whether a taken port is an error; otherwise the next free one is used. */
  exact?: boolean
  /** STUN and TURN servers for its calls; without them they are direct. */
  turn?: TurnOptions | undefined
  /** Whether calls may only go through a relay. */
  relayOnly?: boolean
}

/** A demo that runs. */
export interface Demo {
  /** The page with the links. */
  readonly url: string
  /** One ready-made link for each user. */
  readonly links: Readonly<Record<'alice' | 'bob', string>>
  readonly server: Server
  /** Stops it and removes its data. */
  close(): Promise<void>
}

/** Starts a Mesh server with two users and one room, in a data directory that lives as long as it does. */
export async function startDemo({ port, exact = false, turn, relayOnly = false }: DemoOptions): Promise<Demo> {
  let start!: (handler: RequestListener) => void
  const ready = new Promise<RequestListener>((resolve) => (start = resolve))
  const server = createServer((request, response) => void ready.then((handle) => handle(request, response)))
  await listen(server, port, exact)
  // The port is known only now, and with it the origins from which browsers may connect.
  const actual = (server.address() as AddressInfo).port
  const hosts = [`127.0.0.1:${actual}`, `localhost:${actual}`]

  const dataDir = await mkdtemp(join(tmpdir(), 'mesh-demo-'))
  const mesh = await createMesh({ dataDir, turn, allowedOrigins: hosts.map((host) => `http://${host}`) })
  const password = { alice: newPassword(), bob: newPassword() }
  const alice = await mesh.accounts.create({ username: 'alice', password: password.alice })
  const bob = await mesh.accounts.create({ username: 'bob', password: password.bob })
  const room = await mesh.rooms.create(alice.user_id, 'Demo')
  await mesh.rooms.setMember('administrator', room.room_id, bob.user_id, 'member')
  await mesh.rooms.update('administrator', room.room_id, { policy: { relay_only: relayOnly } })

  const url = `http://127.0.0.1:${actual}/`
  // Behind the #, where a browser keeps it to itself.
  const link = (user: 'alice' | 'bob'): string => `/room#${user}:${password[user]}:${room.room_id}`
  const pages = await createPages({ hosts, links: { alice: link('alice'), bob: link('bob') } })
  const detach = mesh.attach(server)
  const handler = toNodeHandler(mesh, pages)
  start((request, response) => void handler(request, response))

  return {
    url,
    links: { alice: new URL(link('alice'), url).href, bob: new URL(link('bob'), url).href },
    server,
    async close() {
      detach()
      await mesh.close()
      server.closeAllConnections()
      await new Promise((resolve) => server.close(resolve))
      await rm(dataDir, { recursive: true, force: true })
    },
  }
}

function newPassword(): string {
  return randomBytes(18).toString('base64url')
}
