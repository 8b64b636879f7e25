import { connect } from '@mesh/client-sdk'
import type { ConnectOptions, Mesh, MeshState } from '@mesh/client-sdk'
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

/** The server's ends of all connections are cut without a word. */
export function cut(server: TestServer): void {
  for (const socket of server.sockets) socket.terminate()
}

/** The states that a connection goes through from now on. */
export function statesOf(mesh: Mesh): readonly MeshState[] {
  const states: MeshState[] = []
  mesh.on('state', (state) => states.push(state))
  return states
}

/** Waits for a state; by the event, because a state may be gone again before anybody looks. */
export async function until(mesh: Mesh, wanted: MeshState): Promise<void> {
  while (mesh.state !== wanted) if ((await mesh.once('state', { timeoutMs: 5000 }).catch(gone)) === wanted) return
  function gone(error: unknown): MeshState {
    if (mesh.state === 'closed') return 'closed'
    throw error
  }
}
