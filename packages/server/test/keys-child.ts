// Rotates the keys of a data directory a number of times: node keys-child.ts <directory> <times>
import { createMemoryStorage } from '@mesh/core'
import { createMesh } from '@mesh/server'

const [, , dataDir = '', times = '0'] = process.argv
const mesh = await createMesh({ dataDir, storage: createMemoryStorage() })
for (let i = 0; i < Number(times); i++) await mesh.keys.rotate({ force: true })
await mesh.close()
