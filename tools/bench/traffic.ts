// What is sent through a server, and at which pace: at full speed the slower of two would let its clients fall asleep, and
// pay for waking them.
import { frame, type Client } from './clients.ts'

/** Two clients, and what names their frames need. */
export interface Pair extends Omit<Names, 'to'> {
  from: Client
  to: Client
  /** The capability token of the second, where the first has its own. */
  token_back: string
}

/** A kind of frame: how many a round has for each pair, and how it is written. */
export interface Kind {
  name: string
  perRound: number
  /** So many at once, so many milliseconds apart. */
  perTick: number
  tickMs: number
  write(pair: Names): string
  /** What the other end sends back at once, if anything. */
  answer?(pair: Names): string
}

export interface Names {
  to: string
  rtc_id: string
  room_id: string
  cap_token: string
}

/** About 350 bytes on the wire, and several at once, as browsers gather them. */
export const ice: Kind = {
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

export const single: Kind = { ...ice, name: 'rtc.ice one by one', perTick: 1, tickMs: 2 }

const codecs = Array.from(
  { length: 45 },
  (_, i) => `a=rtpmap:${96 + i} VP8/90000\r\na=rtcp-fb:${96 + i} nack pli`,
).join('\r\n')
const sdp = `v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nt=0 0\r\na=fingerprint:sha-256 ${Array(32).fill('AB').join(':')}\r\nm=audio 9 UDP/TLS/RTP/SAVPF 111\r\n${codecs}\r\n`

/** A renewed offer, whose token the server has seen before. */
export const offer: Kind = {
  name: 'rtc.offer with its token',
  perRound: 200,
  perTick: 1,
  tickMs: 2,
  write: ({ to, rtc_id, room_id, cap_token }) =>
    frame('rtc.offer', to, { rtc_id, room_id, purpose: 'call', sdp, cap_token }),
}

/** An offer and the answer to it: the same description without a token. */
export const exchange: Kind = {
  ...offer,
  name: 'rtc.offer and rtc.answer',
  tickMs: 4,
  answer: ({ to, rtc_id }) => frame('rtc.answer', to, { rtc_id, sdp }),
}

/** Offers of both ends, as when both renegotiate: what the exchange is with another offer in place of its answer. */
export const offers: Kind = { ...exchange, name: 'rtc.offer of both ends', answer: offer.write }

/** Sends frames through a pair at an even pace, and waits until all have arrived. Returns how many were delivered. */
export function drive(pair: Pair, { perRound, perTick, tickMs, write, answer }: Kind): Promise<number> {
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
        from.send(write({ ...pair, to: to.id }))
      }
      if (sent === perRound) clearInterval(pace)
    }, tickMs)
    const reply = () => to.send(answer?.({ ...pair, to: from.id, cap_token: pair.token_back }) ?? '')
    const listen = (data: Buffer) => {
      if (data.includes('"type":"error"')) reject(new Error(data.toString()))
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
