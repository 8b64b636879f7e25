import { fork, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { createMesh } from '@mesh/server'
import { gotify } from '@mesh/server/gotify'
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'
import { createInstallation } from './run.ts'

const token = 'AbobSecretToken'
const gotifyServer = fileURLToPath(new URL('../../server/test/gotify-child.ts', import.meta.url))

describe('mesh-cli notify beside a server that notifies', { timeout: 60_000 }, () => {
  const { run, serve, remove, dataDir } = createInstallation()
  let service: ChildProcess
  /** Tells the service how to behave; resolves with what it has taken so far, and what was wrong with that. */
  async function behave(mode: string): Promise<{ messages: object[]; faults: string[] }> {
    const answer = once(service, 'message')
    service.send(mode)
    return (await answer)[0] as { messages: object[]; faults: string[] }
  }
  const outputs: string[] = []
  const notify = async (...args: string[]) => {
    const result = await run(['notify', ...args], { input: args[0] === 'set' ? `${token}\n` : '' })
    outputs.push(result.stdout, result.stderr)
    return result
  }
  const listed = async (...args: string[]) =>
    (JSON.parse((await notify('list', '--json', ...args)).stdout) as { data: Record<string, unknown>[] }).data

  beforeAll(async () => {
    service = fork(gotifyServer, [token], { execArgv: ['--conditions=@mesh/source'] })
    const url = String((await once(service, 'message'))[0])
    // Before the server: a notification that the service has refused.
    await behave('refuse')
    const mesh = await createMesh({
      dataDir,
      notifier: gotify({ url }),
      deliveries: { pollMs: 20 },
    })
    const users: string[] = []
    for (const username of ['alice', 'bob']) {
      users.push((await mesh.accounts.create({ username, password: 'a password that is long' })).user_id)
    }
    const [alice = '', bob = ''] = users
    await mesh.notifications.set(bob, token)
    const add = (topic: string, kind: string, due_at: number) =>
      mesh.storage.deliveries.add({ channel: 'notify', topic, kind, from_id: alice, to_id: bob, due_at }, Date.now())
    await add('one', 'chat', Date.now())
    await vi.waitFor(async () => expect(await mesh.storage.deliveries.dead({ limit: 9 })).toHaveLength(1), 10_000)
    await add('two', 'call', Date.now() + 3_600_000)
    // More than a page has unless told.
    for (let n = 0; n < 100; n++) await add(`later ${n}`, 'chat', Date.now() + 7_200_000)
    await mesh.notifications.remove(bob)
    await mesh.close()
    await serve({ MESH_GOTIFY_URL: url })
  }, 60_000)
  afterAll(() => {
    remove()
    service.kill()
  })

  it('sets a token from the standard input, tests and lists it, and forgets it', async () => {
    await behave('well')
    expect(await notify('test', 'bob')).toMatchObject({ code: 3 })
    expect(await notify('set', 'bob', '--token-stdin')).toMatchObject({ code: 0, stderr: '' })
    expect(await notify('test', 'bob')).toMatchObject({ code: 0, stderr: '' })
    expect((await behave('well')).messages).toEqual([{ token, title: 'Mesh', message: 'Notifications work.' }])
    expect(await listed()).toMatchObject([{ username: 'bob' }])
    expect(await notify('set', 'bob', '--remove')).toMatchObject({ code: 0 })
    expect(await listed()).toEqual([])
    expect(await notify('set', 'bob', '--remove')).toMatchObject({ code: 3 })
  })

  it('says what is wrong: with the service, the token, the user and the command', async () => {
    await notify('set', 'bob', '--token-stdin')
    const { messages } = await behave('refuse')
    const refused = await notify('test', 'bob')
    expect([refused.code, refused.stderr]).toEqual([5, expect.stringContaining('status 401')])
    await behave('error')
    const failed = await notify('test', 'bob')
    expect([failed.code, failed.stderr]).toEqual([6, expect.stringContaining('status 500')])
    expect(await notify('test', 'nobody')).toMatchObject({ code: 3 })
    expect(await notify('set', 'bob')).toMatchObject({ code: 2 })
    expect(await notify('list', '--waiting', '--dead')).toMatchObject({ code: 2 })
    expect(await notify('list', '--dead', '--after', 'usr_x')).toMatchObject({ code: 2 })
    expect(await behave('well')).toEqual({ messages, faults: [] })
  })

  it('lists what waits and what was given up, and why', async () => {
    const waiting = await listed('--waiting')
    expect(waiting).toHaveLength(101)
    expect(waiting[0]).toMatchObject({ channel: 'notify', kind: 'call', count: 1, attempts: 0 })
    expect(await listed('--waiting', '--limit', '2')).toEqual(waiting.slice(0, 2))
    expect(await listed('--dead')).toMatchObject([
      { channel: 'notify', kind: 'chat', attempts: 1, reason: 'status 401' },
    ])
    expect((await notify('list', '--dead')).stdout).toContain('status 401')
  })

  it('never prints a token, nor is one in a file in clear', () => {
    expect(outputs.join('')).not.toContain(token)
    for (const file of readdirSync(dataDir, { withFileTypes: true })) {
      if (file.isFile()) expect(readFileSync(join(dataDir, file.name)).includes(token), file.name).toBe(false)
    }
  })
})
