import { connect } from '@mesh/client-sdk'
import type { ConnectOptions, Mesh } from '@mesh/client-sdk'
import { afterEach } from 'vitest'
import { serve } from './serve.ts'
import type { ServeOptions, TestServer } from './serve.ts'

const undo: (() => Promise<unknown>)[] = []

/** Ends what a test started, newest first. Call it once in a test file. */
export function cleanUp(): void {
  afterEach(async () => {
    for (const end of undo.splice(0).toReversed()) await end()
  })
}

/** Ends something after the test. */
export function after(end: () => Promise<unknown>): void {
  undo.push(end)
}

/** A server that ends with the test. */
export async function world(options: ServeOptions = {}): Promise<TestServer> {
  const server = await serve(options)
  after(server.stop)
  return server
}

/** A connection that ends with the test. */
export async function online(
  server: TestServer,
  user_id: string,
  options: Partial<ConnectOptions> = {},
): Promise<Mesh> {
  const mesh = await connect({ url: server.url, token: () => server.token(user_id), ...options })
  after(mesh.close)
  return mesh
}

/** Two users and their room, with a connection for each. */
export async function pair(options: ServeOptions = {}) {
  const server = await world(options)
  const [ann, bob] = [await server.user('ann'), await server.user('bob')]
  const room_id = await server.room(ann, { [bob]: 'member' })
  return { server, ann, bob, room_id, a: await online(server, ann), b: await online(server, bob) }
}
