// What a relayed frame costs: CPU microseconds of the server process for each delivered `rtc.ice`, beside a bare ws relay in
// the same run. Machines are shared and noisy, so rounds alternate between the two and only the ratio counts. Both get the
// same frames at the same pace: at full speed the slower server lets its clients fall asleep, and pays for waking them.
import { fork, type ChildProcess } from 'node:child_process'
import { randomBytes, randomUUID } from 'node:crypto'
import { WebSocket } from 'ws'

const pairs = 10
const perRound = 500
const perTick = 2
const tickMs = 4
const rounds = 9
const goal = 1.15

interface Server {
  child: ChildProcess
  url: string
  access_token: string
  room_id: string
}

/** A way to send one frame from the first socket of a pair to the second. */
interface Pair {
  from: WebSocket
  to: WebSocket
  write(): string
}

function start(file: string): Promise<Server> {
  const child = fork(new URL(file, import.meta.url), { execArgv: ['--conditions=@mesh/source'] })
  return new Promise((resolve) =>
    child.once('message', (message) => resolve({ child, ...(message as Omit<Server, 'child'>) })),
  )
}

function cpuOf({ child }: Server): Promise<number> {
  return new Promise((resolve) => {
    child.once('message', (message) => resolve((message as { cpu: number }).cpu))
    child.send('cpu')
  })
}

function connect(url: string, options: { protocol?: string } = {}): Promise<WebSocket> {
  const socket = new WebSocket(url, options.protocol ? [options.protocol] : [], { perMessageDeflate: false })
  return new Promise((resolve, reject) => socket.once('open', () => resolve(socket)).once('error', reject))
}

function frame(type: string, to: string, payload: object): string {
  return JSON.stringify({ type, id: randomUUID(), timestamp: new Date().toISOString(), to, payload })
}

function nextOf(socket: WebSocket, fits: (frame: { type: string; payload: Record<string, string> }) => boolean) {
  return new Promise<Record<string, string>>((resolve, reject) => {
    const listen = (data: Buffer) => {
      const received = JSON.parse(data.toString()) as { type: string; payload: Record<string, string> }
      if (received.type === 'error') reject(new Error(data.toString()))
      if (!fits(received)) return
      socket.off('message', listen)
      resolve(received.payload)
    }
    socket.on('message', listen)
  })
}

/** About 300 bytes on the wire, as browsers make them. */
const candidate = (rtc_id: string) => ({
  rtc_id,
  candidate: {
    candidate: 'candidate:842163049 1 udp 1677729535 192.0.2.44 54321 typ srflx raddr 0.0.0.0 rport 0',
    sdpMid: '0',
    sdpMLineIndex: 0,
    usernameFragment: 'aB3x',
  },
})

async function barePair({ url }: Server): Promise<Pair> {
  const join = async () => {
    const socket = new WebSocket(url, { perMessageDeflate: false })
    const id = await new Promise<string>((resolve) =>
      socket.once('message', (data: Buffer) => resolve((JSON.parse(data.toString()) as { id: string }).id)),
    )
    return { socket, id }
  }
  const [from, to] = [await join(), await join()]
  const rtc_id = `rtc_${randomBytes(16).toString('base64url')}`
  return { from: from.socket, to: to.socket, write: () => frame('rtc.ice', to.id, candidate(rtc_id)) }
}

async function meshPair({ url, access_token, room_id }: Server): Promise<Pair> {
  const join = async () => {
    const socket = await connect(`${url}/ws`, { protocol: 'mesh.v1' })
    socket.send(frame('system.hello', 'server', { token: access_token }))
    const { peer_id = '' } = await nextOf(socket, ({ type }) => type === 'system.welcome')
    socket.send(frame('room.join', room_id, {}))
    await nextOf(socket, ({ type }) => type === 'room.joined')
    return { socket, peer_id }
  }
  const [from, to] = [await join(), await join()]
  from.socket.send(frame('capability.request', 'server', { room_id, caps: ['call'] }))
  const { token } = await nextOf(from.socket, ({ type }) => type === 'capability.granted')
  const rtc_id = `rtc_${randomBytes(16).toString('base64url')}`
  const sdp = `v=0\r\na=fingerprint:sha-256 ${Array(32).fill('AB').join(':')}\r\nm=audio 9 UDP/TLS/RTP/SAVPF 111\r\n`
  from.socket.send(frame('rtc.offer', to.peer_id, { rtc_id, room_id, purpose: 'call', sdp, cap_token: token }))
  await nextOf(to.socket, ({ type }) => type === 'rtc.offer')
  to.socket.send(frame('rtc.answer', from.peer_id, { rtc_id, sdp }))
  await nextOf(from.socket, ({ type }) => type === 'rtc.answer')
  return { from: from.socket, to: to.socket, write: () => frame('rtc.ice', to.peer_id, candidate(rtc_id)) }
}

/** Sends `perRound` frames through a pair at an even pace. */
function drive({ from, to, write }: Pair): Promise<void> {
  return new Promise((resolve, reject) => {
    let sent = 0
    let received = 0
    const wrong = setTimeout(() => reject(new Error(`only ${received} of ${perRound} frames arrived`)), 30_000)
    const pace = setInterval(() => {
      for (let i = 0; i < perTick && sent < perRound; i++, sent++) from.send(write())
      if (sent === perRound) clearInterval(pace)
    }, tickMs)
    const listen = () => {
      if (++received < perRound) return
      clearTimeout(wrong)
      to.off('message', listen)
      resolve()
    }
    to.on('message', listen)
  })
}

async function measure(server: Server, all: Pair[]): Promise<number> {
  const before = await cpuOf(server)
  await Promise.all(all.map(drive))
  return ((await cpuOf(server)) - before) / (all.length * perRound)
}

const median = (values: number[]) => values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] ?? Number.NaN

const bare = await start('server-bare.ts')
const mesh = await start('server-mesh.ts')
const barePairs = await Promise.all(Array.from({ length: pairs }, () => barePair(bare)))
const meshPairs: Pair[] = []
for (let i = 0; i < pairs; i++) meshPairs.push(await meshPair(mesh))

// Both compilers have warmed up before anything counts.
for (let i = 0; i < 3; i++) {
  await measure(bare, barePairs)
  await measure(mesh, meshPairs)
}
const results: { bare: number; mesh: number }[] = []
for (let i = 0; i < rounds; i++) {
  results.push({ bare: await measure(bare, barePairs), mesh: await measure(mesh, meshPairs) })
}
const ratio = median(results.map((round) => round.mesh / round.bare))
console.log(
  `rtc.ice of ${Buffer.byteLength(meshPairs[0]?.write() ?? '')} bytes, ${pairs} pairs, ${rounds} rounds of ${pairs * perRound} frames`,
)
console.log(`bare ws relay  ${median(results.map((round) => round.bare)).toFixed(1)} us of CPU per delivered frame`)
console.log(`Mesh           ${median(results.map((round) => round.mesh)).toFixed(1)} us of CPU per delivered frame`)
console.log(`ratio          ${ratio.toFixed(2)} (median; goal: at most ${goal})`)
for (const { from, to } of [...barePairs, ...meshPairs]) {
  from.terminate()
  to.terminate()
}
bare.child.disconnect()
mesh.child.disconnect()
