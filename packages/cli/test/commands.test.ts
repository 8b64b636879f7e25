import { existsSync, mkdirSync, statSync } from 'node:fs'
import { createServer } from 'node:net'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { createInstallation, ended } from './run.ts'

const secret = 'a password that is long'
const peer = 'peer_0123456789abcdef012345'

describe('mesh-cli without a server', { timeout: 60_000 }, () => {
  const { run, start, remove, dataDir, directory } = createInstallation()
  const json = async (...args: string[]) => JSON.parse((await run([...args, '--json'])).stdout) as { data: unknown }

  beforeAll(async () => {
    for (const name of ['alice', 'bob']) {
      const created = await run(['user', 'create', name, '--password-stdin', '-q'], { input: `${secret}\n` })
      expect(created).toMatchObject({ code: 0, stderr: '', stdout: expect.stringMatching(/^usr_\S{22}\n$/) })
    }
    expect(await run(['room', 'create', 'Demo', '--owner', 'alice'])).toMatchObject({ code: 0 })
  }, 60_000)
  afterAll(remove)

  it('keeps what it makes to its owner', () => {
    expect(statSync(dataDir).mode & 0o777).toBe(0o700)
    expect(statSync(join(dataDir, 'mesh.db')).mode & 0o777).toBe(0o600)
  })

  it('lists users in columns separated by tabs, as ids, as JSON and in pages', async () => {
    const { stdout } = await run(['user', 'list'])
    expect(stdout.split('\n').map((line) => line.split('\t')[1])).toEqual(expect.arrayContaining(['alice', 'bob']))
    expect((await run(['user', 'list', '-q'])).stdout).toMatch(/^(usr_\S{22}\n){2}$/)
    const first = JSON.parse((await run(['user', 'list', '--limit', '1', '--json'])).stdout)
    expect(first).toEqual({ data: [expect.objectContaining({ admin: false })], next: first.data[0].user_id })
    const second = JSON.parse((await run(['user', 'list', '--after', first.next, '--json'])).stdout)
    expect(second.data).toHaveLength(1)
  })

  it('adds, promotes and removes members', async () => {
    expect(await run(['member', 'add', 'Demo', 'bob', '--role', 'guest'])).toMatchObject({ code: 0 })
    expect(await run(['member', 'add', 'Demo', 'bob', '--json'])).toMatchObject({
      code: 5,
      stderr: expect.stringMatching(/^\{"error":\{"code":"CONFLICT","message":"Already in the room as guest","hint":/),
    })
    expect(await run(['member', 'set-role', 'Demo', 'bob', 'member'])).toMatchObject({ code: 0 })
    const { data } = await json('member', 'list', 'Demo')
    expect(data).toMatchObject([
      { username: 'alice', role: 'owner' },
      { username: 'bob', role: 'member' },
    ])
    expect(await run(['member', 'remove', 'Demo', 'bob'])).toMatchObject({ code: 0 })
    expect(await run(['member', 'set-role', 'Demo', 'bob', 'owner'])).toMatchObject({ code: 3 })
  })

  it('makes invitations, whose code is printed this once', async () => {
    expect((await run(['member', 'invite', 'Demo', '-q'])).stdout).toMatch(/^mic_[\w-]{43}\n$/)
    const asked = ['member', 'invite', 'Demo', '--role', 'guest', '--expires-in', '3600', '--max-uses', '5']
    const { data } = (await json(...asked)) as { data: { expires_at: string } }
    expect(data).toMatchObject({ role: 'guest', max_uses: 5, code: expect.stringMatching(/^mic_/) })
    expect(Date.parse(data.expires_at) - Date.now()).toBeLessThanOrEqual(3_600_000)
    for (const wrong of [
      ['--role', 'king'],
      ['--expires-in', '2592001'],
      ['--max-uses', '0'],
    ]) {
      expect(await run(['member', 'invite', 'Demo', ...wrong])).toMatchObject({ code: 2, stdout: '' })
    }
    expect(await run(['member', 'invite', 'Nowhere'])).toMatchObject({ code: 3 })
  })

  it('keeps the last owner', async () => {
    expect(await run(['member', 'remove', 'Demo', 'alice'])).toMatchObject({ code: 5 })
  })

  it('takes an ambiguous room name for a conflict, and the id', async () => {
    const ids = await Promise.all(
      ['Twin', 'Twin'].map(async (name) =>
        (await run(['room', 'create', name, '--owner', 'alice', '-q'])).stdout.trim(),
      ),
    )
    expect(await run(['member', 'list', 'Twin'])).toMatchObject({
      code: 5,
      stderr: expect.stringContaining('use the id'),
    })
    expect(await run(['member', 'list', ids[1] ?? ''])).toMatchObject({ code: 0 })
  })

  it('makes capability tokens under the policy of the room, and inspects them', async () => {
    const asked = ['token', 'capability', '--room', 'Demo', '--for', peer, '--ttl', '60', '--cap', 'call']
    const { code, stdout } = await run([...asked, '--user', 'alice', '--target', peer, '-q'])
    expect(code).toBe(0)
    const inspected = await run(['token', 'inspect', '--json'], { input: stdout })
    expect(inspected.code).toBe(0)
    expect(JSON.parse(inspected.stdout).data).toMatchObject({
      kind: 'capability',
      signature: 'valid',
      expired: false,
      claims: { sub: peer, caps: ['call'], target_peer_id: peer },
    })
    expect(await run(['token', 'inspect', `${stdout.trim().slice(0, -4)}AAAA`])).toMatchObject({
      code: 7,
      stdout: expect.stringMatching(/^capability\tinvalid\t/),
    })
    expect(await run([...asked, '--user', 'bob'])).toMatchObject({ code: 4 })
    expect(await run(asked)).toMatchObject({ code: 3 })
  })

  it('takes garbage for a token without a stack, and keeps it from the terminal', async () => {
    expect(await run(['token', 'inspect', 'garbage'])).toMatchObject({ code: 7, stderr: '' })
    const part = (value: object) => Buffer.from(JSON.stringify(value)).toString('base64url')
    const evil = `${part({ typ: '\u009b2J\u202e' })}.${part({ exp: 1e300, iat: 'x' })}.AAAA`
    for (const args of [[], ['--json']]) {
      const { code, stdout, stderr } = await run(['token', 'inspect', '-', ...args], { input: evil })
      expect({ code, stderr }).toEqual({ code: 7, stderr: '' })
      expect(stdout).toContain('\\u009b2J\\u202e')
    }
  })

  it('has no way to pass a password on the command line, and does not repeat one', async () => {
    for (const args of [
      ['--password', secret],
      [`--password=${secret}`, '--password-stdin'],
    ]) {
      const { code, stdout, stderr } = await run(['user', 'create', 'eve', ...args], { input: secret })
      expect(code).toBe(2)
      expect(stdout + stderr).not.toContain(secret)
    }
    expect((await run(['user', 'list'])).stdout).not.toContain('eve')
  })

  it('ends with 2 for what cannot be meant', async () => {
    for (const args of [[], ['user'], ['frobnicate'], ['member', 'add', 'Demo'], ['user', 'list', '--limit', '0']]) {
      expect(await run(args), args.join(' ')).toMatchObject({ code: 2, stdout: '' })
    }
    const refused = await run(['user', 'create', 'eve', '--password-stdin'], { input: 'short' })
    expect(refused).toMatchObject({ code: 2, stderr: expect.stringContaining('at least 12 characters') })
  })

  it('ends with 3 where there is nothing, and makes nothing there', async () => {
    const elsewhere = join(directory, 'elsewhere')
    expect(await run(['user', 'list', '--data-dir', elsewhere])).toMatchObject({ code: 3 })
    expect(existsSync(elsewhere)).toBe(false)
    expect(await run(['member', 'list', 'Nowhere'])).toMatchObject({ code: 3 })
    expect(await run(['member', 'add', 'Demo', 'nobody'])).toMatchObject({ code: 3 })
  })

  it('says in one sentence what is wrong with a setting', async () => {
    expect(await run(['user', 'list'], { env: { MESH_PORT: 'x' } })).toEqual({
      code: 1,
      stdout: '',
      stderr: 'mesh-cli: MESH_PORT must be a port number from 0 to 65535.\n',
    })
  })

  it('ends with 6 when the server goes away before it answers', async () => {
    const other = join(directory, 'other')
    mkdirSync(other)
    const server = createServer((connection) => connection.on('error', () => {}).once('data', () => connection.end()))
    await new Promise<void>((resolve) => server.listen(join(other, 'mesh.sock'), resolve))
    expect(await run(['user', 'list', '--data-dir', other])).toMatchObject({ code: 6, stdout: '' })
    await new Promise((resolve) => server.close(resolve))
  })

  it('ends with 130 when it is interrupted', async () => {
    const child = start(['user', 'create', 'eve', '--password-stdin'])
    const done = ended(child)
    setTimeout(() => child.kill('SIGINT'), 1_500)
    expect(await done).toMatchObject({ code: 130, stdout: '' })
  })
})
