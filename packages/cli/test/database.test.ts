import { statSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, describe, expect, it } from 'vitest'
import { createInstallation, ended } from './run.ts'

describe('mesh-cli db', { timeout: 60_000 }, () => {
  const { run, start, remove, dataDir, directory } = createInstallation()
  afterAll(remove)
  const schema = async () => {
    const { code, stdout } = await run(['db', 'status', '-q'])
    return { code, schema: stdout.trim() }
  }

  it('says with its exit code whether the schema is up to date, and brings it there', async () => {
    expect(await schema()).toEqual({ code: 7, schema: 'none' })
    expect(await run(['db', 'migrate'])).toMatchObject({ code: 0, stderr: '' })
    expect(await schema()).toEqual({ code: 0, schema: 'up to date' })
  })

  it('backs up beside a running server, and restores only without one', async () => {
    expect(
      await run(['user', 'create', 'ann', '--password-stdin'], { input: 'a password that is long\n' }),
    ).toMatchObject({
      code: 0,
    })
    const server = start(['serve'], { MESH_PORT: '0' })
    const end = ended(server)
    await new Promise<void>((resolve) => {
      server.stdout.on('data', (chunk: Buffer) => chunk.includes('mesh is listening') && resolve())
    })
    expect(await run(['db', 'backup', 'copy.db'])).toMatchObject({ code: 0, stderr: '' })
    expect(statSync(join(directory, 'copy.db')).mode & 0o777).toBe(0o600)
    expect(await run(['db', 'backup', 'copy.db'])).toMatchObject({
      code: 5,
      stderr: expect.stringContaining('already'),
    })
    expect(await run(['db', 'restore', 'copy.db'])).toMatchObject({
      code: 5,
      stderr: `mesh-cli: A server runs on the data directory ${dataDir}\nStop it first.\n`,
    })
    server.kill('SIGTERM')
    await end
    expect(
      await run(['user', 'create', 'ben', '--password-stdin'], { input: 'a password that is long\n' }),
    ).toMatchObject({
      code: 0,
    })
    expect(await run(['db', 'restore', 'copy.db'])).toMatchObject({ code: 0, stderr: '' })
    const { stdout } = await run(['user', 'list'])
    expect(stdout).toContain('ann')
    expect(stdout).not.toContain('ben')
  })

  it('copies into PostgreSQL only', async () => {
    expect(await run(['db', 'copy'])).toMatchObject({ code: 1, stderr: expect.stringContaining('MESH_DATABASE_URL') })
    const env = { MESH_DATABASE_URL: 'postgres://ana:correct-horse@127.0.0.1:1/mesh' }
    const { code, stderr, stdout } = await run(['db', 'status'], { env })
    expect(code).not.toBe(0)
    expect(stderr).toContain('The PostgreSQL database cannot be used')
    expect(stderr + stdout).not.toContain('horse')
  })
})
