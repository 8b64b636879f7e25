import { testBrakes, type Braked } from './brakes.ts'
import { startChild, type Child, type Memory } from './child.ts'
import type { Fared } from './innocents.ts'
import { wideOpen } from './limits.ts'
import { fuzzMessages, type Tally } from './messages.ts'
import { createRandom } from './random.ts'
import { fuzzRaw } from './raw.ts'
import { fuzzRest } from './rest.ts'
import { createScene } from './scene.ts'
import { watchInnocents } from './watch.ts'

/** How much of what. */
export interface Amounts {
  messages: number
  raw: number
  rest: number
  seed: number
}

/** What came of it. */
export interface Report {
  /** Everything that went wrong, each with what it takes to see it again. */
  faults: string[]
  messages: { sent: number; tally: Tally }
  raw: { attacks: number; frames: number }
  rest: { sent: number; tally: Tally }
  /** After the warm-up, which is a tenth of everything, and after all of it; every attacker is gone both times. */
  memory: { before: Memory; after: Memory }
  /** How the people fared who were in another room all along. */
  innocents: Fared
  /** At the default limits. */
  brakes: { met: Braked[]; innocents: Fared }
}

/** Bytes by which the server may have grown: what its own caches and a fragmented heap take, and far from one per message. */
export const mayGrow = { heap: 8 * 2 ** 20, rss: 64 * 2 ** 20 }

/** Attacks a server with wide limits, so that nonsense gets everywhere, and then one with the default limits. */
export async function fuzz(amounts: Amounts): Promise<Report> {
  const faults: string[] = []
  const fault = (what: string) => void (faults.length < 1_000 && faults.push(what))
  const attacked = await attack(amounts, fault)
  return { faults, ...attacked, brakes: await brake(fault) }
}

async function attack(amounts: Amounts, fault: (what: string) => void): Promise<Omit<Report, 'faults' | 'brakes'>> {
  const random = createRandom(amounts.seed)
  return withServer(wideOpen, fault, async (server, untouchable) => {
    const scene = await createScene(server)
    const raw = await server.account('raw')
    const round = async (share: number) => ({
      messages: await fuzzMessages(scene, { count: amounts.messages * share, random: random.fork(), fault }),
      raw: await fuzzRaw(server, raw, { count: amounts.raw * share, random: random.fork(), fault }),
      rest: await fuzzRest(server, {
        count: amounts.rest * share,
        random: random.fork(),
        fault,
        untouchable: new Set([...untouchable, raw.user_id, ...scene.accounts.map(({ user_id }) => user_id)]),
        foreign: scene.foreign,
      }),
    })
    // Code is compiled, caches and pools are filled.
    await round(0.1)
    const before = await settled(server)
    const done = await round(1)
    const after = await settled(server)
    for (const what of ['heap', 'rss'] as const) {
      const growth = after[what] - before[what]
      if (growth > mayGrow[what]) fault(`the server's ${what} grew by ${growth} bytes`)
    }
    return { ...done, memory: { before, after } }
  })
}

async function brake(fault: (what: string) => void): Promise<Report['brakes']> {
  return withServer({}, fault, async (server) => {
    const eve = await server.account('eve')
    const met = await testBrakes(server, eve, fault)
    for (const { flood, code } of met) if (code !== 4005) fault(`a flood of ${flood} ended with ${code}, not 4005`)
    return { met }
  })
}

/** Runs something against a server that two innocent people use meanwhile; what either has to say is a fault. */
async function withServer<T>(
  limits: object,
  fault: (what: string) => void,
  act: (server: Child, innocent: readonly string[]) => Promise<T>,
): Promise<T & { innocents: Fared }> {
  const server = await startChild(limits)
  try {
    const innocents = await watchInnocents(server)
    const result = await act(server, innocents.user_ids)
    const fared = await innocents.ask()
    for (const what of [...fared.faults, ...server.faults]) fault(what)
    return { ...result, innocents: fared }
  } finally {
    await server.stop()
  }
}

/** The memory, once only the innocent are left; the stall is the longest since the last time. */
async function settled(server: Child): Promise<Memory> {
  let memory = await server.memory()
  const { stall } = memory
  for (let i = 0; i < 50 && memory.peers > 2; i++) memory = await server.memory()
  return { ...memory, stall }
}
