import { spawn } from 'node:child_process'
import { mkdtemp, rm, stat } from 'node:fs/promises'
import { createServer } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { createMesh, toNodeHandler } from '@mesh/server'
import { expect, it } from 'vitest'

const main = fileURLToPath(new URL('../main.ts', import.meta.url))

/** Runs the agent until it has said hello, and resolves with all it printed. */
async function run(args: string[], file: string): Promise<string> {
  const child = spawn(process.execPath, ['--conditions=@mesh/source', main, ...args], {
    env: { ...process.env, AGENT_KEY_FILE: file },
  })
  let output = ''
  for (const stream of [child.stdout, child.stderr]) {
    stream.on('data', (data) => {
      output += String(data)
      if (output.includes('said hello')) child.kill('SIGTERM')
    })
  }
  await new Promise((resolve) => child.once('exit', resolve))
  return output
}

it('an agent enrols once, keeps its key to itself, and comes back with it', { timeout: 60_000 }, async () => {
  const directory = await mkdtemp(join(tmpdir(), 'mesh-agent-'))
  const mesh = await createMesh({ dataDir: join(directory, 'data') })
  const server = createServer(toNodeHandler(mesh))
  mesh.attach(server)
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  try {
    const address = server.address()
    const base = `http://127.0.0.1:${typeof address === 'object' && address ? address.port : 0}`
    const { user_id } = await mesh.accounts.create({ username: 'ana', password: 'a password that is long' })
    const { room_id } = await mesh.rooms.create(user_id, 'Lab')
    const { code } = await mesh.devices.invite(user_id)
    const file = join(directory, 'key.json')

    expect(await run([base, room_id, code], file)).toContain('said hello')
    expect((await stat(file)).mode & 0o777).toBe(0o600)
    expect(await run([base, room_id], file)).toContain('said hello')
    const said = await mesh.storage.events.list(room_id, { after: 0, limit: 9, type: 'chat.message.created' })
    expect(said.map(({ payload }) => payload)).toMatchObject([{ user_id }, { user_id }])
    expect(await mesh.devices.list({ user_id, limit: 9 })).toHaveLength(1)
  } finally {
    await mesh.close()
    server.closeAllConnections()
    await new Promise((resolve) => server.close(resolve))
    await rm(directory, { recursive: true, force: true })
  }
})
