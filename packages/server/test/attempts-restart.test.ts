import { readdir, readFile, stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { expect, it } from 'vitest'
import { prepare, startStandalone, type Standalone } from './standalone.ts'

const password = 'correct horse battery staple'
const wrong = 'not the password of anybody'
const slowly = 0.001
const env = {
  MESH_TRUSTED_PROXIES: '127.0.0.1',
  MESH_DRAIN_S: '0',
  MESH_LIMITS: JSON.stringify({
    attempts: { account: { burst: 2, per_s: slowly }, refresh: { burst: 2, per_s: slowly } },
  }),
}

const makeAnn = () => prepare((mesh) => mesh.accounts.create({ username: 'ann', password }))

async function post({ url }: Standalone, path: string, body: object, from: string): Promise<number> {
  const headers = { 'content-type': 'application/json', 'x-forwarded-for': from }
  return (await fetch(`${url}/api/v1${path}`, { method: 'POST', headers, body: JSON.stringify(body) })).status
}

const login = (server: Standalone, given: string, from: string) =>
  post(server, '/auth/login', { username: 'ann', password: given }, from)
const refresh = (server: Standalone, from: string) =>
  post(server, '/auth/refresh', { refresh_token: 'mrt_nonsense' }, from)

async function stop({ child, exited }: Standalone): Promise<void> {
  child.kill('SIGTERM')
  expect(await exited).toEqual({ code: 0, signal: null })
}

const keptIn = async (dataDir: string) => (await readdir(dataDir)).filter((name) => name.startsWith('attempts-'))

it(
  'what was used up before a clean restart is used up after it, and who is at home gets in as before',
  { timeout: 60_000 },
  async () => {
    const { dataDir } = await makeAnn()
    const before = await startStandalone(dataDir, env)
    expect(await login(before, password, '203.0.113.1')).toBe(200)
    const guesses = [await login(before, wrong, '198.51.100.1'), await login(before, wrong, '198.51.100.2')]
    expect([...guesses, await login(before, wrong, '198.51.100.3')]).toEqual([401, 401, 429])
    const refreshes = [await refresh(before, '198.51.100.4'), await refresh(before, '198.51.100.4')]
    expect([...refreshes, await refresh(before, '198.51.100.4')]).toEqual([401, 401, 429])
    await stop(before)

    const [kept = '', ...others] = await keptIn(dataDir)
    expect.soft(others).toEqual([])
    expect.soft((await stat(join(dataDir, kept))).mode & 0o777).toBe(0o600)
    const text = await readFile(join(dataDir, kept), 'utf8').catch(() => '')
    for (const clear of ['ann', 'usr_', '198.51', '203.0']) expect.soft(text).not.toContain(clear)

    const after = await startStandalone(dataDir, env)
    expect(await keptIn(dataDir)).toEqual([])
    expect([await login(after, wrong, '198.51.100.5'), await login(after, password, '198.51.100.6')]).toEqual([
      429, 429,
    ])
    expect(await login(after, password, '203.0.113.1')).toBe(200)
    expect([await refresh(after, '198.51.100.4'), await refresh(after, '198.51.100.5')]).toEqual([429, 401])
  },
)

it.each(['not JSON', '{"at":"yesterday"}'])(
  'a file that is none of ours stops no start, and is gone: %s',
  async (text) => {
    const { dataDir } = await makeAnn()
    await writeFile(join(dataDir, 'attempts-0123456789abcdef.json'), text, { mode: 0o600 })
    const server = await startStandalone(dataDir, env)
    expect(server.log.filter((line) => line.includes('failed attempts'))).toHaveLength(1)
    expect(await keptIn(dataDir)).toEqual([])
    expect(await login(server, password, '203.0.113.1')).toBe(200)
  },
)
