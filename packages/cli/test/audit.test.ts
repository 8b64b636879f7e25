import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { createInstallation } from './run.ts'

interface Entry {
  seq: number
  action: string
  actor?: string
}

describe('mesh-cli audit', { timeout: 60_000 }, () => {
  const { run, start, remove, dataDir } = createInstallation()
  const input = 'a password that is long\n'

  beforeAll(async () => {
    for (const name of ['alice', 'bob']) await run(['user', 'create', name, '--password-stdin'], { input })
    await run(['room', 'create', 'Demo', '--owner', 'alice'])
    await run(['room', 'create', 'Other', '--owner', 'alice'])
    await run(['member', 'add', 'Demo', 'bob', '--role', 'guest'])
    await run(['member', 'remove', 'Demo', 'bob'])
    await run(['user', 'list'])
  }, 60_000)
  afterAll(remove)

  const exported = async (...args: string[]) => {
    const { code, stdout } = await run(['audit', 'export', ...args])
    expect(code).toBe(0)
    return stdout
      .split('\n')
      .filter(Boolean)
      .map((line) => JSON.parse(line) as Entry)
  }
  const actions = async (...args: string[]) => (await exported(...args)).map(({ action }) => action)

  it('lists, exports and filters what the command line itself has done', async () => {
    const { stdout } = await run(['audit', 'list', '--action', 'member.add'])
    expect(stdout).toMatch(/^\d+\t20\S+Z\tmember\.add\tok\tadministrator\troom_\S+\ttarget=usr_\S+ role=guest\n$/)
    const all = await actions('--actor', 'administrator')
    expect(all.filter((action) => action !== 'admin.read')).toEqual([
      'user.create',
      'user.create',
      'room.create',
      'room.create',
      'member.add',
      'member.remove',
    ])
    expect(all).toContain('admin.read')
    expect(await actions('--room', 'Demo')).toEqual(['room.create', 'member.add', 'member.remove'])
    expect(await actions('--since', '1h', '--action', 'room.create')).toHaveLength(2)
    expect(await actions('--since', '2999-01-01T00:00:00Z')).toEqual([])
    expect(await actions('--actor', 'alice')).toEqual([])
    const latest = JSON.parse((await run(['audit', 'list', '--limit', '2', '--json'])).stdout) as { data: Entry[] }
    expect(latest.data).toHaveLength(2)
    expect(latest.data[1]?.seq).toBe((latest.data[0]?.seq ?? 0) + 1)
  })

  it.each([
    [['list', '--action', 'nonsense'], 2],
    [['list', '--since', 'yesterday'], 2],
    [['list', '--limit', '0'], 2],
    [['list', '--actor', 'nobody'], 3],
    [['list', '--room', 'Nowhere'], 3],
    [['verify', '--head', 'x'], 2],
  ])('refuses %j', async (args, code) => {
    expect(await run(['audit', ...args])).toMatchObject({ code, stdout: '' })
  })

  it('follows the log', async () => {
    const child = start(['audit', 'tail', '--json', '--action', 'room.create', '-n', '1'])
    const lines: string[] = []
    const more = () =>
      new Promise<void>((resolve) => child.stdout.once('data', (data) => (lines.push(String(data)), resolve())))
    await more()
    const next = more()
    await run(['room', 'create', 'Third', '--owner', 'alice'])
    await next
    child.kill('SIGINT')
    expect(lines.map((line) => (JSON.parse(line) as Entry).action)).toEqual(['room.create', 'room.create'])
  })

  it('verifies, and names the first row that somebody was at', async () => {
    const sound = await run(['audit', 'verify', '-q'])
    expect(sound).toMatchObject({ code: 0, stdout: expect.stringMatching(/^\d+:[\w-]{43}\n$/) as string })
    const head = sound.stdout.trim()
    expect(await run(['audit', 'verify', '--head', head])).toMatchObject({ code: 0 })

    const database = new DatabaseSync(join(dataDir, 'mesh.db'))
    const [entry] = await exported('--action', 'member.add')
    const seq = entry?.seq ?? 0
    const tamper = async (statement: string) => {
      database.exec(statement)
      const { code, stdout } = await run(['audit', 'verify', '--head', head])
      return [code, ...stdout.trim().split('\t')]
    }
    const before = `${seq - 1}:`
    const broken = (reason: string, at = seq) => [
      7,
      'broken',
      expect.stringContaining(before) as string,
      String(at),
      reason,
    ]
    const facts = database.prepare('select facts from mesh_audit where seq = ?').get(seq)?.['facts']
    expect(await tamper(`update mesh_audit set facts = replace(facts, 'guest', 'owner') where seq = ${seq}`)).toEqual(
      broken('changed'),
    )
    expect(await tamper(`update mesh_audit set facts = '{' where seq = ${seq}`)).toEqual(broken('changed'))
    database.prepare('update mesh_audit set facts = ?, actor = null where seq = ?').run(facts ?? '', seq)
    expect(await tamper('select 1')).toEqual(broken('changed'))
    database.exec(`update mesh_audit set actor = 'administrator' where seq = ${seq}`)
    expect((await tamper('select 1'))[0]).toBe(0)
    expect(await tamper(`delete from mesh_audit where seq = ${seq}`)).toEqual(broken('missing'))
    database.close()
  })
})
