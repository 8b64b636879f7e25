// CPU of the server process for each relayed frame, at the same pace for both servers: at full speed the slower one would
// let its clients fall asleep, and pay for waking them.
import { capabilityOf, connectBare, connectMesh, frame, newRtcId, nextOf, type Client } from './clients.ts'
import { median, usageOf, type Server } from './servers.ts'

const pairs = 10
const rounds = 9
/** Frames of each pair before anything counts, at full speed: both servers' compilers have done their work by then. */
const warmUp = 8_000

/** Two clients, and what names their frames need. */
interface Pair extends Omit<Names, 'to'> {
  from: Client
  to: Client
}

/** A kind of frame: how many a round has for each pair, and how it is written. */
interface Kind {
  name: string
  perRound: number
  /** So many at once, so many milliseconds apart. */
  perTick: number
  tickMs: number
  write(pair: Names): string
  /** What the other end sends back at once, if anything. */
  answer?(pair: Names): string
}

interface Names {
  to: string
  rtc_id: string
  room_id: string
  cap_token: string
}

/** About 350 bytes on the wire, and several at once, as browsers gather them. */
const ice: Kind = {
  name: 'rtc.ice in bursts of 8',
  perRound: 480,
  perTick: 8,
  tickMs: 16,
  write: ({ to, rtc_id }) =>
    frame('rtc.ice', to, {
      rtc_id,
      candidate: {
        candidate: 'candidate:842163049 1 udp 1677729535 192.0.2.44 54321 typ srflx raddr 0.0.0.0 rport 0',
        sdpMid: '0',
        sdpMLineIndex: 0,
        usernameFragment: 'aB3x',
      },
    }),
}

const single: Kind = { ...ice, name: 'rtc.ice one by one', perTick: 1, tickMs: 2 }

const codecs = Array.from(
  { length: 45 },
  (_, i) => `a=rtpmap:${96 + i} VP8/90000\r\na=rtcp-fb:${96 + i} nack pli`,
).join('\r\n')
const sdp = `v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nt=0 0\r\na=fingerprint:sha-256 ${Array(32).fill('AB').join(':')}\r\nm=audio 9 UDP/TLS/RTP/SAVPF 111\r\n${codecs}\r\n`

/** A renewed offer, whose token the server has seen before. */
const offer: Kind = {
  name: 'rtc.offer with its token',
  perRound: 200,
  perTick: 1,
  tickMs: 2,
  write: ({ to, rtc_id, room_id, cap_token }) =>
    frame('rtc.offer', to, { rtc_id, room_id, purpose: 'call', sdp, cap_token }),
}

/** An offer and the answer to it: the same description without a token. */
const exchange: Kind = {
  ...offer,
  name: 'rtc.offer and rtc.answer',
  tickMs: 4,
  answer: ({ to, rtc_id }) => frame('rtc.answer', to, { rtc_id, sdp }),
}

async function barePair(server: Server): Promise<Pair> {
  const [from, to] = [await connectBare(server), await connectBare(server)]
  return { from, to, rtc_id: newRtcId(), room_id: newRtcId(), cap_token: 'x'.repeat(520) }
}

async function meshPair(server: Server): Promise<Pair> {
  const [from, to] = [await connectMesh(server), await connectMesh(server)]
  const { room_id } = server
  const pair = { from, to, room_id, cap_token: await capabilityOf(from, room_id), rtc_id: newRtcId() }
  from.socket.send(offer.write({ ...pair, to: to.id }))
  await nextOf(to.socket, 'rtc.offer')
  to.socket.send(exchange.answer?.({ ...pair, to: from.id }) ?? '')
  await nextOf(from.socket, 'rtc.answer')
  return pair
}

/** Sends frames through a pair at an even pace, and waits until all have arrived. Returns how many were delivered. */
function drive(pair: Pair, { perRound, perTick, tickMs, write, answer }: Kind): Promise<number> {
  const { from, to } = pair
  const last = answer ? from.socket : to.socket
  return new Promise((resolve, reject) => {
    let sent = 0
    let arrived = 0
    const wrong = setTimeout(() => reject(new Error(`only ${arrived} of ${perRound} frames arrived`)), 30_000)
    const pace = setInterval(() => {
      for (let i = 0; i < perTick && sent < perRound; i++) {
        // There is one answer to one offer: the next one waits for it.
        if (perTick === 1 && sent > arrived) return
        sent++
        from.socket.send(write({ ...pair, to: to.id }))
      }
      if (sent === perRound) clearInterval(pace)
    }, tickMs)
    const reply = () => to.socket.send(answer?.({ ...pair, to: from.id }) ?? '')
    const listen = () => {
      if (++arrived < perRound) return
      clearTimeout(wrong)
      to.socket.off('message', reply)
      last.off('message', listen)
      resolve(answer ? 2 * perRound : perRound)
    }
    if (answer) to.socket.on('message', reply)
    last.on('message', listen)
  })
}

/** Microseconds of the server's CPU for each delivered frame. */
async function measure(server: Server, pairs: Pair[], kind: Kind): Promise<number> {
  const before = await usageOf(server)
  const delivered = await Promise.all(pairs.map((pair) => drive(pair, kind)))
  return ((await usageOf(server)).cpu - before.cpu) / delivered.reduce((sum, count) => sum + count)
}

/** Measures every kind of frame on both servers, round by round. */
export async function relaying(bare: Server, mesh: Server): Promise<string[]> {
  const barePairs = await Promise.all(Array.from({ length: pairs }, () => barePair(bare)))
  const meshPairs = await Promise.all(Array.from({ length: pairs }, () => meshPair(mesh)))
  const lines: string[] = []

  async function run(kind: Kind, goal?: number): Promise<number> {
    const results: { bare: number; mesh: number }[] = []
    const hurried = { ...kind, perRound: warmUp, tickMs: 0 }
    await measure(bare, barePairs, hurried)
    await measure(mesh, meshPairs, hurried)
    for (let i = 0; i < rounds; i++) {
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
  const offers = await run(offer, 0.9)
  const answers = 2 * (await run(exchange)) - offers
  lines.push(
    `an offer costs ${(offers / answers).toFixed(2)} times its answer, which needs no token (goal: at most 1.2)`,
  )
  for (const { from, to } of [...barePairs, ...meshPairs]) {
    from.socket.terminate()
    to.socket.terminate()
  }
  return lines
}
