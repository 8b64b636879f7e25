import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { readConfig, startServer, type RunningServer } from '@mesh/server'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { allCases } from './cases/index.ts'
import { runSuite, type Result } from './run.ts'

const admin = { username: 'administrator', password: 'a long password of the suite' }
const logged: string[] = []
const note = (fields: object, message: string) => void logged.push(`${message} ${JSON.stringify(fields)}`)
const logger = { debug: note, info: note, warn: note, error: note }
let dataDir: string
let server: RunningServer
let results: Map<string, Result>

// The server as people run it: its own process settings, default limits, a database of its own.
beforeAll(async () => {
  dataDir = await mkdtemp(join(tmpdir(), 'mesh-suite-'))
  // Nobody has to be at the relay's address: the suite looks at what is said of it.
  const turn = { MESH_TURN_URLS: 'stun:127.0.0.1:3478,turn:127.0.0.1:3478', MESH_TURN_SECRET: 'a secret of the suite' }
  const env = { MESH_DATA_DIR: dataDir, MESH_PORT: '0', ...turn }
  server = await startServer(readConfig({ env, cwd: dataDir }), logger)
  await server.mesh.accounts.create({ ...admin, admin: true })
  results = new Map((await runSuite({ url: server.url, admin })).map((result) => [result.id, result]))
}, 180_000)

afterAll(async () => {
  await server.close()
  await rm(dataDir, { recursive: true, force: true })
})

it.each(allCases.map(({ id, rule }) => [id, rule]))('%s: %s', (id) => {
  const { outcome, detail } = results.get(id) ?? {}
  expect({ outcome, detail }).toEqual({ outcome: 'passed', detail: undefined })
})

it('none of what the suite says and is told is logged', () => {
  // Tokens, refresh tokens, codes of invitations, session descriptions, candidates, and passwords of the suite.
  expect(logged.join('\n')).not.toMatch(/eyJ|mrt_|mic_|v=0|a=fingerprint|candidate:|password|secret of the suite/)
})
