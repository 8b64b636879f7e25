// What it costs to reach a client of another node: CPU of both servers and of Redis for each event, and how long one is on
// its way. Mesh beside Socket.IO with its adapter for Redis, at the same pace and round by round.
import { setTimeout as sleep } from 'node:timers/promises'
import { connectMesh, connectSocketIo, fill, frame, leave, type Client } from './clients.ts'
import type { Installations, Nodes } from './installations.ts'
import { latency } from './latency.ts'
import { call, meshPair, plainPair } from './pairs.ts'
import { median, usageOf } from './servers.ts'
import { drive, exchange, ice, single, type Kind, type Pair } from './traffic.ts'

const pairs = 10
const rounds = 7
/** Frames of each pair before anything counts. */
const warmUp = 1_000
/** Members of the room on each node; how many of the first node's speak, how often, and how many milliseconds apart. */
const membersEach = 50
const speakers = 10
const perSpeaker = 60
const speakMs = 20
const warmUps = 2
/** Until everybody has heard who is there. */
const settleMs = 500

/** Microseconds of CPU for each event. */
interface Cost {
  here: number
  there: number
  redis: number
}

/** Does something, and says how many events that were. */
type Act = () => Promise<number>

/** Half of the pace of one server: two, Redis and the clients share the machine now, and all have to keep up. */
const slower = (kind: Kind): Kind => ({ ...kind, perRound: kind.perRound / 2, tickMs: kind.tickMs * 2 })

/** The same pair, with the one who was called as the first to speak. */
const turned = ({ from, to, ...names }: Pair): Pair => ({ from: to, to: from, ...names })

const driven =
  (all: Pair[], kind: Kind): Act =>
  async () =>
    (await Promise.all(all.map((pair) => drive(pair, kind)))).reduce((sum, count) => sum + count)

/**
 * Lets the first of a room say where they are, until everybody has heard the last of it; what came in between may be left
 * out, since only the latest state counts. Returns how many events were told to everybody.
 */
const spoken =
  (room: Client[], to: string): Act =>
  () =>
    new Promise((resolve, reject) => {
      let heard = 0
      let open = speakers * (room.length - 1)
      let said = 0
      const wrong = setTimeout(() => reject(new Error(`${open} did not hear the last of it`)), 30_000)
      const listen = (data: Buffer) => {
        heard++
        if (!data.includes('the last of it') || --open > 0) return
        clearTimeout(wrong)
        for (const { socket } of room) socket.off('message', listen)
        resolve(heard / (room.length - 1))
      }
      for (const { socket } of room) socket.on('message', listen)
      const pace = setInterval(() => {
        const note = ++said === perSpeaker ? 'the last of it' : `in a meeting until noon, ${said}`
        for (const { send } of room.slice(0, speakers)) send(frame('presence.update', to, { status: 'busy', note }))
        if (said === perSpeaker) clearInterval(pace)
      }, speakMs)
    })

async function measure(nodes: Nodes, redisCpu: () => Promise<number>, act: Act): Promise<Cost> {
  const used = async () => ({
    here: (await usageOf(nodes[0])).cpu,
    there: (await usageOf(nodes[1])).cpu,
    redis: await redisCpu(),
  })
  const before = await used()
  const count = await act()
  const after = await used()
  const each = (of: keyof Cost) => (after[of] - before[of]) / count
  return { here: each('here'), there: each('there'), redis: each('redis') }
}

/** Measures the same on both, in turns, and says what it came to. */
async function compare(name: string, { mesh, socketIo, redisCpu }: Installations, onMesh: Act, onSocketIo: Act) {
  const results: { io: Cost; mesh: Cost }[] = []
  while (results.length < rounds) {
    const io = await measure(socketIo, redisCpu, onSocketIo)
    results.push({ io, mesh: await measure(mesh, redisCpu, onMesh) })
  }
  const us = (system: 'io' | 'mesh', of: keyof Cost) => median(results.map((result) => result[system][of])).toFixed(1)
  const cost = (system: 'io' | 'mesh') =>
    `${us(system, 'here')} + ${us(system, 'there')} us (Redis ${us(system, 'redis')})`
  const ratio = (of: keyof Cost) => median(results.map(({ io, mesh }) => mesh[of] / io[of])).toFixed(2)
  return `${name}: Socket.IO ${cost('io')}, Mesh ${cost('mesh')} of CPU, ratio ${ratio('here')} and ${ratio('there')}`
}

/** Frames from one peer to another, each on a node of its own. */
async function* relaying(installations: Installations): AsyncGenerator<string> {
  const { mesh, socketIo } = installations
  const [here, there] = [() => connectSocketIo(socketIo[0]), () => connectSocketIo(socketIo[1])]
  const onMesh = await fill(pairs, () => meshPair(...mesh))
  const onIo = await fill(pairs, () => plainPair(here, there))
  const same = { mesh: await meshPair(mesh[0]), io: await plainPair(here) }
  await sleep(settleMs)

  async function run(name: string, kind: Kind, turn = (pair: Pair) => pair) {
    const acts = [onMesh, onIo].map((all) => (at: Kind) => driven(all.map(turn), at))
    const [meshAct, ioAct] = acts as [(at: Kind) => Act, (at: Kind) => Act]
    const slow = slower(kind)
    await Promise.all(onMesh.map(call))
    for (const act of [ioAct, meshAct]) await act({ ...kind, perRound: warmUp })()
    return compare(name, installations, meshAct(slow), ioAct(slow))
  }
  yield await run(`${ice.name} to the called peer`, ice)
  yield await run(`${ice.name} to the caller`, ice, turned)
  yield await run(single.name, single)
  yield await run(exchange.name, exchange)

  const [meshOther, ioOther] = [onMesh[0], onIo[0]]
  if (!meshOther || !ioOther) throw new Error('there are no pairs')
  const systems = {
    'Socket.IO': { same: same.io, other: ioOther },
    Mesh: { same: same.mesh, other: meshOther },
  }
  yield* await latency(systems)
  for (const { from, to } of [...onMesh, same.mesh])
    for (const client of [from, to]) await leave(client, mesh[0].room_id)
  for (const { from, to } of [...onIo, same.io]) for (const { socket } of [from, to]) socket.terminate()
}

/** Presence, told to the members of a room on both nodes; all who speak are on the first. */
async function broadcasting(installations: Installations): Promise<string> {
  const { mesh, socketIo } = installations
  const onMesh: Client[] = []
  const onIo: Client[] = []
  for (const n of [0, 1] as const) {
    onMesh.push(...(await fill(membersEach, () => connectMesh(mesh[n]))))
    onIo.push(...(await fill(membersEach, () => connectSocketIo(socketIo[n]))))
  }
  await sleep(settleMs)
  const [meshAct, ioAct] = [spoken(onMesh, mesh[0].room_id), spoken(onIo, 'room')]
  for (let i = 0; i < warmUps; i++) for (const act of [ioAct, meshAct]) await act()
  return compare(`presence.update to a room with ${membersEach} on each node`, installations, meshAct, ioAct)
}

/** Measures everything, on the node of the caller or speaker and on the other one. */
export async function* cluster(installations: Installations): AsyncGenerator<string> {
  yield 'CPU for each event that crosses from one node to another, on the node of the caller + on the other one:'
  yield* relaying(installations)
  yield await broadcasting(installations)
}
