// CPU of the server process for each relayed frame, at the same pace for both servers.
import { connectBare, leave } from './clients.ts'
import { call, meshPair, plainPair } from './pairs.ts'
import { median, usageOf, type Server } from './servers.ts'
import { drive, exchange, ice, offer, offers, single, type Kind, type Pair } from './traffic.ts'

const pairs = 10
const rounds = 9
/** Frames of each pair before anything counts, at full speed: both servers' compilers have done their work by then. */
const warmUp = 8_000

/** Microseconds of the server's CPU for each delivered frame. */
async function measure(server: Server, pairs: Pair[], kind: Kind): Promise<number> {
  const before = await usageOf(server)
  const delivered = await Promise.all(pairs.map((pair) => drive(pair, kind)))
  return ((await usageOf(server)).cpu - before.cpu) / delivered.reduce((sum, count) => sum + count)
}

/** Measures every kind of frame on both servers, round by round. */
export async function relaying(bare: Server, mesh: Server): Promise<string[]> {
  const barePairs = await Promise.all(Array.from({ length: pairs }, () => plainPair(() => connectBare(bare))))
  const meshPairs = await Promise.all(Array.from({ length: pairs }, () => meshPair(mesh)))
  const lines: string[] = []

  async function run(kind: Kind, goal?: number): Promise<number> {
    const results: { bare: number; mesh: number }[] = []
    const hurried = { ...kind, perRound: warmUp, tickMs: 0 }
    await measure(bare, barePairs, hurried)
    await Promise.all(meshPairs.map(call))
    await measure(mesh, meshPairs, hurried)
    for (let i = 0; i < rounds; i++) {
      await Promise.all(meshPairs.map(call))
      results.push({ bare: await measure(bare, barePairs, kind), mesh: await measure(mesh, meshPairs, kind) })
    }
    const [pair] = meshPairs
    const bytes = pair && Buffer.byteLength(kind.write({ ...pair, to: pair.to.id }))
    const onBare = median(results.map((result) => result.bare))
    const onMesh = median(results.map((result) => result.mesh))
    const ratio = median(results.map((result) => result.mesh / result.bare))
    lines.push(
      `${kind.name} (${bytes} bytes): bare ${onBare.toFixed(1)} us, Mesh ${onMesh.toFixed(1)} us of CPU a frame, ratio ${ratio.toFixed(2)}${goal === undefined ? '' : ` (goal: at most ${goal})`}`,
    )
    return onMesh
  }

  await run(ice, 1.05)
  await run(single, 1.05)
  await run(offer, 0.9)
  // At one pace with one another, so that what is between them is the tokens: a lone offer wakes the server for itself.
  const mixed = await run(exchange, 0.9)
  const alone = await run(offers, 0.9)
  const ratio = alone / (2 * mixed - alone)
  lines.push(`an offer costs ${ratio.toFixed(2)} times its answer, which needs no token (goal: at most 1.2)`)
  for (const { from, to } of barePairs) for (const { socket } of [from, to]) socket.terminate()
  for (const { from, to } of meshPairs) for (const client of [from, to]) await leave(client, mesh.room_id)
  return lines
}
