import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { expect, onTestFinished, test, vi } from 'vitest'
import { login, startFaultyServer } from './faulty-server.ts'
import { grant, quantile } from './nodes.ts'
import { createDatabase, hasPostgres } from './postgres-server.ts'
import { prepare, startStandalone, type Standalone } from './standalone.ts'
import { open } from './support.ts'

const hour = 3_600_000
const minutes = 60_000
const preload = fileURLToPath(new URL('shifted-clock.ts', import.meta.url))

/** A wall clock for one server, which is off by so much until it is set. */
async function createClock(off: number) {
  const folder = await mkdtemp(join(tmpdir(), 'mesh-clock-'))
  onTestFinished(() => rm(folder, { recursive: true }))
  const file = join(folder, 'off')
  await writeFile(file, String(off))
  return {
    env: { NODE_OPTIONS: `--import=${preload}`, MESH_TEST_CLOCK: file },
    async set({ child }: Standalone, off: number) {
      await writeFile(file, String(off))
      child.kill('SIGUSR2')
    },
  }
}

/** What a server logged under a message. */
function logged({ log }: Standalone, message: string): Record<string, unknown>[] {
  return log.map((line) => JSON.parse(line) as Record<string, unknown>).filter(({ msg }) => msg === message)
}

const ready = async ({ monitorUrl }: Standalone) => {
  const response = await fetch(`${monitorUrl}/readyz`)
  return [response.status, await response.json()]
}

test.runIf(hasPostgres)(
  'a node whose clock is 10 minutes off the database’s says so, and is not ready until it is right',
  async () => {
    const { url } = await createDatabase()
    const offs = [10 * minutes, -10 * minutes]
    const figures = await Promise.all(
      offs.map(async (off) => {
        const clock = await createClock(off)
        const { dataDir } = await prepare(async () => ({}))
        // It has no time of an earlier start to be held against.
        await rm(join(dataDir, 'clock'), { force: true })
        const server = await startStandalone(dataDir, { MESH_DATABASE_URL: url, ...clock.env })
        expect(await ready(server)).toMatchObject([
          503,
          { status: 'unavailable', checks: { storage: true, clock: false } },
        ])
        expect((await fetch(`${server.url}/readyz`)).status).toBe(503)
        const said = () => logged(server, "not ready: the clock of this node is off the database's")
        await vi.waitUntil(() => said().length > 0)
        expect(Math.abs(Number(said()[0]?.off_ms) - off)).toBeLessThan(1_000)

        const begun = performance.now()
        await clock.set(server, 0)
        await vi.waitUntil(async () => (await ready(server))[0] === 200, { timeout: 5_000, interval: 20 })
        const back = performance.now() - begun
        await vi.waitUntil(() => logged(server, 'the clock of this node is right again').length > 0, {
          timeout: 10_000,
        })
        expect(said()).toHaveLength(1)
        expect(server.child.exitCode).toBeNull()
        return `${off / minutes} minutes off: not ready; ready ${Math.round(back)} ms after it is right`
      }),
    )
    process.stdout.write(`${figures.join('\n')}\n`)
  },
)

test('a clock that jumps while the server runs gives no token a longer life, and touches no call and no control', async () => {
  const clock = await createClock(0)
  const server = await startFaultyServer({ env: clock.env })
  const { ann, bob, room, tokens } = server
  let jumps = 0
  const jump = async (to: number, by: number) => {
    await clock.set(server, to)
    await vi.waitUntil(async () => (await server.metric('mesh_clock_jumps_total')) > jumps, { timeout: 10_000 })
    jumps += 1
    expect(Number(logged(server, 'clock_jump').at(-1)?.jump_ms) / 1000).toBeCloseTo(by / 1000, 0)
    expect(logged(server, 'clock_jump')).toHaveLength(jumps)
  }
  /** What becomes of somebody who comes with a token: the code of the error, or that they are in. */
  const hello = async (token: string) => {
    const wire = await open(`${server.url.replace('http', 'ws')}/ws`)
    const { code = 'in' } = await wire.hello(token)
    wire.socket.close()
    return code
  }

  const shared = await bob.ask('terminal.share.start', room, { room_id: room, title: 'build' })
  const { terminal_id } = shared.payload
  const control = async (what: 'take' | 'renew', fence?: number) => {
    const cap_token = await grant(ann, room, ['terminal:control'], { target_peer_id: bob.peer_id })
    return ann.ask(`terminal.control.${what}`, 'server', { terminal_id, cap_token, ...(fence && { fence }) })
  }
  expect((await control('take')).payload.fence).toBe(1)

  const took = await server.signals(jump(-hour, -hour))
  expect(await hello(tokens.ann)).toBe('in')
  expect((await control('renew', 1)).type).toBe('terminal.control.granted')
  expect((await server.say('an hour back')).came).toBe('chat.message.created')

  took.push(...(await server.signals(jump(4 * minutes, hour + 4 * minutes))))
  expect((await control('renew', 1)).type).toBe('terminal.control.granted')
  const released = (wire: typeof ann) => wire.frames.some(({ type }) => type === 'terminal.control.released')
  expect(released(ann) || released(bob)).toBe(false)

  await jump(hour, hour - 4 * minutes)
  // Whose access has ended by the clock that is shown is out.
  expect([await ann.closed, await bob.closed]).toEqual([4001, 4001])
  expect(await hello(tokens.ann)).toBe('AUTH_EXPIRED')
  const { status, token } = await login(server.url)
  expect([status, await hello(token)]).toEqual([200, 'in'])

  await jump(0, -hour)
  // What has ended stays so, and what was given out since holds.
  expect(await hello(tokens.ann)).toBe('AUTH_EXPIRED')
  expect(await hello(token)).toBe('in')
  expect(server.child.exitCode).toBeNull()
  const worst = quantile(took, 0.99)
  expect(worst).toBeLessThan(250)
  process.stdout.write(
    `the clock jumped ${jumps} times by up to an hour: each logged once, control kept, signals took ${worst.toFixed(1)} ms (p99 of ${took.length})\n`,
  )
})
