// Memory of an idle connection: what the server process has grown by when so many are open, authenticated on Mesh, just
// open on the bare relay. The clients are in a process of their own.
import { fork } from 'node:child_process'
import { startServer, stopServer, usageOf, type Server } from './servers.ts'

const connections = 10_000

/** So many come before anything is measured, so that the heap has found its size and every page of code is there. */
const warmUp = 2_000

async function measure(file: string): Promise<number> {
  const server = await startServer(file)
  const { url, access_token } = server
  const clients = fork(new URL('idle-clients.ts', import.meta.url))
  const open = (count: number) =>
    new Promise((resolve, reject) => {
      clients.once('message', resolve).once('exit', () => reject(new Error('the clients ended early')))
      clients.send({ url, access_token, connections: count })
    })
  await open(warmUp)
  await settle(server)
  const before = await usageOf(server, true)
  await open(connections)
  await settle(server)
  const after = await usageOf(server, true)
  clients.kill()
  stopServer(server)
  return (after.memory - before.memory) / connections
}

async function settle(server: Server): Promise<void> {
  // It takes a while until what the heap no longer needs is given back.
  for (let i = 0; i < 5; i++) {
    await usageOf(server, true)
    await new Promise((resolve) => setTimeout(resolve, 1_000))
  }
}

/** Measures both servers one after the other. */
export async function memory(): Promise<string[]> {
  const bare = await measure('server-bare.ts')
  const mesh = await measure('server-mesh.ts')
  const kib = (bytes: number) => (bytes / 1024).toFixed(1)
  return [
    `an idle connection, ${connections} of them: bare ${kib(bare)} KiB, authenticated on Mesh ${kib(mesh)} KiB, ratio ${(mesh / bare).toFixed(2)} (goal: at most 1.25)`,
  ]
}
