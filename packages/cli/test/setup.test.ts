import { chmodSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { createInstallation, ended } from './run.ts'

const password = 'a password that is long'
let installation: ReturnType<typeof createInstallation>
beforeEach(() => {
  installation = createInstallation()
})
afterEach(() => installation.remove())

/** Starts a server; `stderr()` is what it has said there so far. */
async function serve(env: Record<string, string> = {}) {
  const child = installation.start(['serve'], { MESH_PORT: '0', ...env })
  const done = ended(child)
  let log = ''
  let errors = ''
  child.stderr.on('data', (text: string) => (errors += text))
  const url = await new Promise<string>((resolve, reject) => {
    child.stdout.on('data', (text: string) => {
      log += text
      const line = log.split('\n').find((entry) => entry.includes('mesh is listening') && entry.endsWith('}'))
      if (line) resolve((JSON.parse(line) as { url: string }).url)
    })
    void done.then(({ stderr }) => reject(new Error(stderr)))
  })
  const post = (path: string, body: object) =>
    fetch(`${url}/api/v1${path}`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(body),
    })
  return {
    post,
    log: () => log,
    notice: () => expect.poll(() => errors, { timeout: 10_000 }),
    code: () => /code (\S{19}):/.exec(errors)?.[1] ?? '',
    async stop() {
      child.kill('SIGTERM')
      expect(await done).toMatchObject({ code: 0 })
      return errors
    },
  }
}

describe('the first administrator', { timeout: 60_000 }, () => {
  it('is made with the code that the server prints, once; then the way is gone, after a restart as well', async () => {
    const server = await serve()
    await server.notice().toContain('There is no administrator yet.')
    const account = { username: 'root', password }
    expect((await server.post('/setup', { code: 'AAAA-AAAA-AAAA-AAAA', ...account })).status).toBe(401)
    expect((await server.post('/setup', { code: server.code(), ...account })).status).toBe(201)
    expect((await server.post('/auth/login', account)).status).toBe(200)
    expect((await server.post('/setup', { code: server.code(), ...account })).status).toBe(404)
    expect(server.log()).not.toContain(server.code())
    await server.stop()

    const again = await serve()
    expect((await again.post('/setup', { code: server.code(), ...account })).status).toBe(404)
    expect(await again.stop()).toBe('')
  })

  it('is made at the machine without a code, beside a server or without one', async () => {
    const server = await serve()
    const made = await installation.run(['setup', 'root', '-q'], { input: `${password}\n` })
    expect(made).toMatchObject({ code: 0, stdout: expect.stringMatching(/^usr_\S{22}\n$/) })
    await server.notice().toContain('code')
    expect((await server.post('/setup', { code: server.code(), username: 'eve', password })).status).toBe(404)
    await server.stop()
    expect(await installation.run(['setup', 'eve'], { input: password })).toMatchObject({
      code: 5,
      stderr: expect.stringContaining('There is an administrator already'),
    })
    expect((await installation.run(['user', 'list', '-q'])).stdout.trim().split('\n')).toHaveLength(1)
  })

  it('is made from the settings, the password from a file, and never again', async () => {
    const file = join(installation.directory, 'password')
    writeFileSync(file, `${password}\n`)
    chmodSync(file, 0o600)
    const env = { MESH_BOOTSTRAP_ADMIN: 'root', MESH_BOOTSTRAP_PASSWORD_FILE: file }
    const server = await serve(env)
    expect((await server.post('/auth/login', { username: 'root', password })).status).toBe(200)
    expect((await server.post('/setup', { code: 'AAAA-AAAA-AAAA-AAAA', username: 'eve', password })).status).toBe(404)
    expect(server.log()).not.toContain(password)
    expect(await server.stop()).toBe('')

    const again = await serve({ ...env, MESH_BOOTSTRAP_ADMIN: 'another' })
    expect((await again.post('/auth/login', { username: 'another', password })).status).toBe(401)
    expect(again.log()).toContain('MESH_BOOTSTRAP_ADMIN is ignored')
    await again.stop()
  })

  it('is not made from settings that are not fit, and the server says why', async () => {
    const refused = await installation.run(['serve'], {
      env: { MESH_PORT: '0', MESH_BOOTSTRAP_ADMIN: 'root', MESH_BOOTSTRAP_PASSWORD: 'short' },
    })
    expect(refused.code).toBe(1)
    expect(refused.stderr).toMatch(/^mesh-cli: MESH_BOOTSTRAP_ADMIN cannot become .* at least 12 characters\.\n$/)
    const alone = await installation.run(['serve'], { env: { MESH_BOOTSTRAP_ADMIN: 'root' } })
    expect(alone.stderr).toBe('mesh-cli: MESH_BOOTSTRAP_ADMIN and MESH_BOOTSTRAP_PASSWORD must be set together.\n')
  })
})

it('a server whose clock is far behind its last run does not start, and issues nothing', async () => {
  await (await serve()).stop()
  const file = join(installation.dataDir, 'clock')
  writeFileSync(file, new Date(Date.now() + 10 * 60_000).toISOString())
  const refused = await installation.run(['serve'], { env: { MESH_PORT: '0' } })
  expect(refused.code).toBe(1)
  expect(refused.stderr).toMatch(/^mesh-cli: The clock says \S+, but this server ran at \S+: set it right, or remove /)
  rmSync(file)
  await (await serve()).stop()
}, 60_000)
