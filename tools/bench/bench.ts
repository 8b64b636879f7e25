// What Mesh costs beside a bare ws relay (JSON.parse, Map lookup, JSON.stringify, send) in the same run, and across two nodes
// beside Socket.IO with its adapter for Redis. Machines are shared and noisy, so rounds alternate between the two, and only
// the ratios count.
import { broadcasting } from './broadcasting.ts'
import { cluster } from './cluster.ts'
import { Missing, startInstallations } from './installations.ts'
import { memory } from './memory.ts'
import { relaying } from './relaying.ts'
import { startBare, startServer, stopServer } from './servers.ts'

const only = process.argv[2]
if (only !== undefined && only !== 'cpu' && only !== 'memory' && only !== 'cluster') {
  console.error('usage: pnpm bench [cpu|memory|cluster]')
  process.exit(only === '--help' ? 0 : 2)
}
const print = (lines: string[]) => console.log(lines.join('\n'))

if (only === undefined || only === 'cpu') {
  const bare = await startBare()
  const mesh = await startServer('server-mesh.ts')
  print(await relaying(bare, mesh))
  print(await broadcasting(bare, mesh))
  stopServer(bare)
  stopServer(mesh)
}
if (only === undefined || only === 'memory') print(await memory())
if (only === undefined || only === 'cluster') {
  const installations = await startInstallations().catch((error: unknown) => {
    if (!(error instanceof Missing)) throw error
    console.error(`\n${error.message}: what is measured across nodes is LEFT OUT.\n`)
    process.exit(only === undefined ? 0 : 1)
  })
  try {
    for await (const line of cluster(installations)) print([line])
  } finally {
    await installations.close()
  }
}
process.exit(0)
