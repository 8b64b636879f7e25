// Mesh as it is, with everything on; only the limits are out of the way, so that the cost shows and not the brake.
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { readConfig, startServer } from '@mesh/server'
import { reportTo } from './report.ts'

const dataDir = mkdtempSync(join(tmpdir(), 'mesh-bench-'))
process.once('exit', () => rmSync(dataDir, { recursive: true, force: true }))
const open = { burst: 1_000_000_000, per_s: 1_000_000_000 }
const limits = {
  frames: open,
  bytes: open,
  classes: { ice: open, sdp: open, capability: open, presence: open, other: open },
  attempts: { handshake: open },
  candidates: 1_000_000_000,
  unauthenticated: 100_000,
  unauthenticated_per_address: 100_000,
  connections_per_user: 100_000,
  connections_per_address: 100_000,
  // Presence is coalesced; here every update is to be told.
  presence_interval_ms: 1,
}
// What makes it a node among several, and whether it is the first of them.
const [shared = '{}', another] = process.argv.slice(2)
const env = {
  ...(JSON.parse(shared) as object),
  MESH_DATA_DIR: dataDir,
  MESH_PORT: '0',
  MESH_LIMITS: JSON.stringify(limits),
}
const quiet = {
  debug() {},
  info() {},
  warn() {},
  error: (fields: object, message: string) => console.error(fields, message),
}
const { mesh, url } = await startServer(readConfig({ env, cwd: dataDir }), quiet)
const username = 'bench'
const password = 'correct horse battery staple'
if (another !== undefined) reportTo(url.replace('http', 'ws'))
else {
  const { user_id } = await mesh.accounts.create({ username, password })
  const { room_id } = await mesh.rooms.create(user_id, 'Bench')
  const { access_token } = await mesh.accounts.login(username, password)
  reportTo(url.replace('http', 'ws'), { access_token, room_id })
}
