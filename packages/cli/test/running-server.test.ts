import { existsSync, readFileSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { createInstallation } from './run.ts'

const secret = 'a password that is long'

interface Frame {
  type: string
  to: string
  reply_to?: string
  payload: Record<string, unknown>
}

/** A bare client: it keeps what it gets. */
async function connect(url: string, username: string) {
  const login = await fetch(`${url}/api/v1/auth/login`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ username, password: secret }),
  })
  const { access_token } = (await login.json()) as { access_token: string }
  const socket = new WebSocket(`${url.replace('http', 'ws')}/ws`)
  const closed = new Promise<number>((resolve) => socket.addEventListener('close', ({ code }) => resolve(code)))
  const frames: Frame[] = []
  const waiting = new Set<() => void>()
  socket.addEventListener('message', ({ data }) => {
    frames.push(JSON.parse(String(data)) as Frame)
    for (const look of waiting) look()
  })
  await new Promise((resolve) => socket.addEventListener('open', resolve))

  const next = (type: string) =>
    new Promise<Frame>((resolve) => {
      const look = () => {
        const at = frames.findIndex((frame) => frame.type === type)
        if (at < 0) return
        waiting.delete(look)
        resolve(...(frames.splice(at, 1) as [Frame]))
      }
      waiting.add(look)
      look()
    })
  const send = (type: string, to: string, payload: object) => {
    socket.send(JSON.stringify({ type, id: crypto.randomUUID(), timestamp: new Date().toISOString(), to, payload }))
  }
  send('system.hello', 'server', { token: access_token })
  const { payload } = await next('system.welcome')
  return { send, next, closed, peer_id: String(payload['peer_id']), close: () => socket.close() }
}

describe('mesh-cli beside a running server', { timeout: 60_000 }, () => {
  const { run, serve, remove, dataDir } = createInstallation()
  const socket = join(dataDir, 'mesh.sock')

  let server: Awaited<ReturnType<typeof serve>>
  beforeAll(async () => {
    server = await serve()
    for (const name of ['alice', 'bob']) {
      expect(await run(['user', 'create', name, '--password-stdin'], { input: secret })).toMatchObject({ code: 0 })
    }
    await run(['room', 'create', 'Demo', '--owner', 'alice'])
    await run(['member', 'add', 'Demo', 'bob'])
  }, 60_000)
  afterAll(remove)

  it('goes through a socket that is for its owner alone', () => {
    expect(statSync(socket).mode & 0o777).toBe(0o600)
  })

  it('puts a removed member out at once, and tells the others', async () => {
    const room_id = (await run(['room', 'list', '-q'])).stdout.trim()
    const [alice, bob] = await Promise.all([connect(server.url, 'alice'), connect(server.url, 'bob')])
    for (const client of [alice, bob]) {
      client.send('room.join', room_id, {})
      await client.next('room.joined')
    }
    const told = Promise.all([bob.next('room.left'), alice.next('room.left')])
    const removed = run(['member', 'remove', 'Demo', 'bob'])
    for (const { payload } of await told) expect(payload).toEqual({ room_id, peer_id: bob.peer_id, reason: 'removed' })
    expect(await removed).toMatchObject({ code: 0 })

    bob.send('room.join', room_id, {})
    expect(await bob.next('error')).toMatchObject({ code: 'ACCESS_DENIED' })
    alice.close()
    bob.close()
  })

  it('makes a capability token for a connected peer, bound to its login', async () => {
    const alice = await connect(server.url, 'alice')
    const asked = ['token', 'capability', '--room', 'Demo', '--cap', 'call', '--cap', 'screen', '--for', alice.peer_id]
    expect(await run([...asked, '--user', 'bob'])).toMatchObject({ code: 5 })
    const { code, stdout } = await run([...asked, '--json'])
    expect(code).toBe(0)
    const { token } = (JSON.parse(stdout) as { data: { token: string } }).data
    const inspected = await run(['token', 'inspect', token, '--json'])
    expect(JSON.parse(inspected.stdout).data).toMatchObject({
      signature: 'valid',
      claims: { sub: alice.peer_id, caps: ['call', 'screen'], sid: expect.stringMatching(/^sess_/) },
    })
    alice.close()
  })

  it('rotates and revokes keys of the server that runs, and shows no private part', async () => {
    const alice = await connect(server.url, 'alice')
    const list = async () => {
      const { stdout } = await run(['keys', 'list', '--json'])
      return (JSON.parse(stdout) as { data: { kid: string; ring: string; state: string }[] }).data
    }
    const before = await list()
    expect(before.map(({ ring, state }) => `${ring} ${state}`)).toEqual([
      'access current',
      'access next',
      'capability current',
      'capability next',
    ])
    expect(await run(['keys', 'rotate'])).toMatchObject({ code: 5, stderr: expect.stringContaining('--force') })
    expect(await run(['keys', 'rotate', '--force', '-q'])).toMatchObject({
      code: 0,
      stdout: `${before[1]?.kid}\n${before[3]?.kid}\n`,
    })
    const { keys } = (await (await fetch(`${server.url}/.well-known/jwks.json`)).json()) as { keys: { kid: string }[] }
    expect(keys[0]?.kid).toBe(before[3]?.kid)

    // The one that signed the token with which alice came in.
    const closed = alice.closed
    expect(await run(['keys', 'revoke', before[0]?.kid ?? '', '-q'])).toMatchObject({
      code: 0,
      stdout: `${before[0]?.kid}\n`,
    })
    expect(await closed).toBe(4101)
    expect(await run(['keys', 'revoke', 'no-such-key'])).toMatchObject({ code: 3 })
    for (const args of [[], ['--all', 'kid']]) expect(await run(['keys', 'revoke', ...args])).toMatchObject({ code: 2 })
    const { stdout } = await run(['keys', 'list', '--json'])
    const file = readFileSync(join(dataDir, 'keys.json'), 'utf8')
    for (const [, d = ''] of file.matchAll(/"d": "([^"]+)"/g)) expect(stdout).not.toContain(d)
  })

  it('passes errors on with their exit codes', async () => {
    expect(await run(['user', 'create', 'alice', '--password-stdin'], { input: secret })).toMatchObject({ code: 5 })
    expect(await run(['member', 'list', 'Nowhere', '--json'])).toMatchObject({
      code: 3,
      stderr: expect.stringContaining('"code":"ROOM_NOT_FOUND"'),
    })
  })

  it('lets no second server onto the same data', async () => {
    expect(await run(['serve'], { env: { MESH_PORT: '0', MESH_LOG_LEVEL: 'silent' } })).toMatchObject({
      code: 1,
      stderr: `mesh-cli: Another server runs on the data directory ${dataDir}.\n`,
    })
    expect(await run(['user', 'list', '-q'])).toMatchObject({ code: 0 })
  })

  it('works on the database after a crash, and serves again', async () => {
    server.child.kill('SIGKILL')
    await server.done
    expect(existsSync(socket)).toBe(true)
    expect((await run(['user', 'list', '-q'])).stdout.match(/usr_/g)).toHaveLength(2)
    // What was revoked while a server ran stays revoked, and where none runs it is done on the file.
    const states = async () => (await run(['keys', 'list'])).stdout.split('\n').map((line) => line.split('\t')[1])
    expect((await states()).filter((state) => state === 'revoked')).toHaveLength(1)
    expect(await run(['keys', 'revoke', '--all'])).toMatchObject({ code: 0 })
    expect((await states()).sort().join()).toMatch(/^current,current,next,next(,revoked)+,$/)
    server = await serve()
    expect(await run(['member', 'add', 'Demo', 'bob', '-q'])).toMatchObject({ code: 0 })
    server.child.kill('SIGTERM')
    expect(await server.done).toMatchObject({ code: 0 })
    expect(existsSync(socket)).toBe(false)
  })
})
