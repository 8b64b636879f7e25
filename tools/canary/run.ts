import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { frameSchemas } from '@mesh/server/documents'
import type { JsonSchema } from '../fuzz/json-schema.ts'
import { wideOpen } from '../fuzz/limits.ts'
import { operationsOf } from '../fuzz/rest-grammar.ts'
import { administer, administerAlone, misconfigured, type Shell } from './command-line.ts'
import { driveRoute } from './drive-rest.ts'
import { keepOwn, readData } from './files.ts'
import { createHttp } from './http.ts'
import { createPlaces } from './places.ts'
import { run, type Program } from './process.ts'
import { login, people, type Person, type Scene } from './scene.ts'
import { createSecrets, type Hit, type Kind } from './secrets.ts'
import { readWrongSettings, wrongStarts } from './settings.ts'
import { meet } from './sound-events.ts'
import { driveEvent, driveUpgrades } from './wrong-events.ts'

/** What came of a run. */
export interface Report {
  readonly hits: readonly Hit[]
  readonly places: readonly string[]
  readonly bytes: number
  readonly secrets: ReadonlyMap<Kind, number>
  /** The routes that there are, and those that were answered well. */
  readonly routes: { all: string[]; answered: string[] }
  /** The same of events that clients send. */
  readonly events: { all: string[]; answered: string[] }
}

/** What a server says when it is there. */
const listening = /"url":"([^"]+)"[^\n]*mesh is listening/

/** What a leaky run goes through: enough to come by every place. */
const short = new Set(['setUp', 'login', 'getMe', 'chat.message.send'])

/**
 * A standalone server is started, used well and badly with a canary in everything that is secret, killed, started again and
 * stopped; then everything that came out of it, and out of the command line beside it, is searched for them.
 */
export async function runCanaries({ leaky = false } = {}): Promise<Report> {
  const directory = mkdtempSync(join(tmpdir(), 'mesh-canary-'))
  const secrets = createSecrets()
  const places = createPlaces()
  const dataDir = join(directory, 'data')
  const turnSecret = join(directory, 'turn')
  writeFileSync(turnSecret, secrets.make('TURN secret'))
  chmodSync(turnSecret, 0o600)
  const rate = { burst: 1_000_000, per_s: 1_000_000 }
  const attempts = { ...wideOpen.attempts, login: rate, account: rate, password: rate }
  const limits = { ...wideOpen, attempts, resume_window_s: 60, ice_servers: rate, enrolments_per_user: 10_000 }
  const env = {
    MESH_DATA_DIR: dataDir,
    MESH_PORT: '0',
    MESH_LOG_LEVEL: 'debug',
    MESH_METRICS_PORT: '0',
    MESH_DRAIN_S: '0',
    MESH_LIMITS: JSON.stringify(limits),
    MESH_TURN_URLS: 'stun:127.0.0.1:3478,turn:127.0.0.1:3478',
    MESH_TURN_SECRET_FILE: turnSecret,
  }
  const shell: Shell = { cwd: directory, env: { MESH_DATA_DIR: dataDir }, leaky, places }
  const programs: Program[] = []
  const start = (more: Record<string, string> = {}) => {
    const as = { stdout: 'log', stderr: 'stderr' }
    const program = run('server', { cwd: directory, env: { ...env, ...more }, leaky, as, places })
    programs.push(program)
    return program
  }

  try {
    let server = start()
    let url = (await server.says(listening))[1] ?? ''
    const [, setupCode = ''] = await server.says(/with the code (\S+):/)
    secrets.keep('setup code', setupCode)
    secrets.keep('setup code', setupCode.replaceAll('-', ''))
    const nobody: Person = { username: '', password: '', user_id: '', access_token: '', refresh_token: '' }
    const scene: Scene = {
      http: createHttp(() => url, { secrets, places }),
      secrets,
      places,
      get url() {
        return url
      },
      issuer: 'urn:mesh:local',
      root: nobody,
      people: { ana: nobody, ben: nobody, cyd: nobody, dan: nobody, eve: nobody },
      room_id: '',
      setupCode,
    }
    const operations = operationsOf((await (await fetch(`${url}/api/v1/openapi.json`)).json()) as Document)
    const isDriven = (name: string) => !leaky || short.has(name)
    const answered: string[] = []
    const drive = async (operation: (typeof operations)[number]) => {
      if (!isDriven(operation.operationId)) return
      await driveRoute(operation, scene)
      answered.push(operation.operationId)
    }

    const isFirst = ({ operationId }: { operationId: string }) => operationId === 'setUp'
    for (const operation of operations.filter(isFirst)) await drive(operation)
    scene.root = await login(scene, scene.root)
    await people(scene)
    const taken = await meet(scene)
    const events = [...frameSchemas()].filter(([path]) => path.startsWith('client/'))
    const types = events.map(([path]) => path.replace(/^client\/|\.json$/g, ''))
    for (const [at, [, schema]] of events.entries()) {
      // The schema of a frame is an object with a payload.
      const { payload = {} } = (schema as JsonSchema).properties ?? {}
      if (isDriven(types[at] ?? '')) await driveEvent(types[at] ?? '', payload, scene)
    }
    await driveUpgrades(scene)
    // In the middle of it all, the machine fails.
    server.kill('SIGKILL')
    await server.ended
    readData(dataDir, places)
    const bootstrap = { MESH_BOOTSTRAP_ADMIN: 'root', MESH_BOOTSTRAP_PASSWORD: secrets.make('password') }
    server = start(bootstrap)
    url = (await server.says(listening))[1] ?? ''
    for (const operation of operations.filter((operation) => !isFirst(operation))) await drive(operation)
    if (!leaky) await administer(shell, scene)
    const [, monitor = ''] = await server.says(/"url":"([^"]+)"[^\n]*metrics are told/)
    for (const path of ['/metrics', '/readyz']) places.add('metrics', await (await fetch(monitor + path)).text())
    readData(dataDir, places)
    server.kill('SIGTERM')
    await server.ended
    await administerAlone(shell, scene)
    readData(dataDir, places)
    keepOwn(dataDir, secrets)

    readWrongSettings(directory, { secrets, places })
    const wrong = leaky ? [] : wrongStarts(directory, secrets)
    for (const settings of wrong) await start(settings).ended
    await misconfigured(shell, wrong.slice(-2))
    const { hits, bytes, places: searched } = places.search(secrets)
    return {
      hits,
      bytes,
      places: searched,
      secrets: secrets.tally(),
      routes: { all: operations.map(({ operationId }) => operationId), answered },
      events: { all: types, answered: [...taken] },
    }
  } finally {
    for (const program of programs) program.kill('SIGKILL')
    await Promise.all(programs.map(({ ended }) => ended))
    rmSync(directory, { recursive: true, force: true })
  }
}

/** The server's own description of itself, as far as it is read here. */
type Document = Parameters<typeof operationsOf>[0]
