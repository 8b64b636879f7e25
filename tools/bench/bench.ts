// What Mesh costs beside a bare ws relay (JSON.parse, Map lookup, JSON.stringify, send) in the same run. Machines are shared
// and noisy, so rounds alternate between the two servers, and only the ratios count.
import { broadcasting } from './broadcasting.ts'
import { memory } from './memory.ts'
import { relaying } from './relaying.ts'
import { startServer, stopServer } from './servers.ts'

const only = process.argv[2]
if (only !== undefined && only !== 'cpu' && only !== 'memory') {
  console.error('usage: pnpm bench [cpu|memory]')
  process.exit(only === '--help' ? 0 : 2)
}
const print = (lines: string[]) => console.log(lines.join('\n'))

if (only === undefined || only === 'cpu') {
  const bare = await startServer('server-bare.ts')
  const mesh = await startServer('server-mesh.ts')
  print(await relaying(bare, mesh))
  print(await broadcasting(bare, mesh))
  stopServer(bare)
  stopServer(mesh)
}
if (only === undefined || only === 'memory') print(await memory())
process.exit(0)
