import { randomUUID } from 'node:crypto'
import type { Random } from './random.ts'
import { opcodes, wsFrame } from './ws-frame.ts'

/** Something that is written to an upgraded connection, and what has to come of it. */
export interface Attack {
  readonly name: string
  readonly chunks: Buffer[]
  /**
   * How it has to end: closed with one of these codes, answered with a pong event to the ping event in it, or, where
   * there is no telling, in any way that leaves the server well.
   */
  readonly ends: readonly number[] | 'answered' | 'any'
  /** How many frames are in it. */
  readonly frames: number
}

const protocolError = [1002]

/** A sound message that is answered by `system.pong`. */
export function ping(): Buffer {
  const envelope = { type: 'system.ping', id: randomUUID(), timestamp: new Date().toISOString(), to: 'server' }
  return Buffer.from(JSON.stringify({ ...envelope, payload: {} }))
}

const split = (bytes: Buffer, parts: number): Buffer[] =>
  Array.from({ length: parts }, (_, i) =>
    bytes.subarray(Math.floor((i * bytes.length) / parts), Math.floor(((i + 1) * bytes.length) / parts)),
  )

function fragmented(payload: Buffer, parts: number, between: () => Buffer[] = () => []): Buffer[] {
  return split(payload, parts).flatMap((part, index) => [
    wsFrame({
      opcode: index === 0 ? opcodes.text : opcodes.continuation,
      fin: index === parts - 1,
      payload: part,
    }),
    ...(index < parts - 1 ? between() : []),
  ])
}

const control = (random: Random) => wsFrame({ opcode: random.pick([9, 10]), payload: random.bytes(random.below(126)) })

type Maker = (random: Random) => Pick<Attack, 'chunks' | 'ends'>

const makers: Record<string, Maker> = {
  'a reserved opcode': (random) => ({
    chunks: [wsFrame({ opcode: random.pick([3, 4, 5, 6, 7, 11, 12, 13, 14, 15]), payload: ping() })],
    ends: protocolError,
  }),
  'a reserved bit': (random) => ({
    chunks: [wsFrame({ rsv: 1 + random.below(7), payload: ping() })],
    ends: protocolError,
  }),
  'no mask': () => ({ chunks: [wsFrame({ masked: false, payload: ping() })], ends: protocolError }),
  binary: (random) => ({
    chunks: [wsFrame({ opcode: opcodes.binary, payload: random.bytes(random.below(300)) })],
    ends: [1003],
  }),
  'invalid UTF-8': (random) => ({
    chunks: [
      wsFrame({
        payload: Buffer.concat([
          ping(),
          random.pick([
            Buffer.from([0xff]),
            Buffer.from([0xc0, 0xaf]),
            Buffer.from([0xed, 0xa0, 0x80]),
            Buffer.from([0xf4, 0x90, 0x80, 0x80]),
          ]),
        ]),
      }),
    ],
    ends: [1007],
  }),
  'many fragments': (random) => ({
    chunks: fragmented(ping(), random.pick([2, 63, 64]), () => (random.chance(0.1) ? [control(random)] : [])),
    ends: 'answered',
  }),
  'too many fragments': (random) => ({ chunks: fragmented(ping(), 65 + random.below(40)), ends: [1008] }),
  'empty fragments': (random) => ({
    chunks: [
      wsFrame({ fin: false }),
      ...Array.from({ length: 70 + random.below(60) }, () => wsFrame({ opcode: opcodes.continuation, fin: false })),
    ],
    ends: [1008],
  }),
  'a continuation of nothing': () => ({
    chunks: [wsFrame({ opcode: opcodes.continuation, payload: ping() })],
    ends: protocolError,
  }),
  'a message within a message': () => ({
    chunks: [wsFrame({ fin: false, payload: ping() }), wsFrame({ payload: ping() })],
    ends: protocolError,
  }),
  'a length not written the shortest way': () => ({
    // RFC 6455 section 5.2 forbids it to the sender; ws reads it, and it does no harm.
    chunks: [wsFrame({ payload: ping(), lengthBytes: 8 })],
    ends: 'answered',
  }),
  'an announced length that is too large': (random) => ({
    chunks: [
      wsFrame({
        announced: random.pick([98_305n, 1n << 20n, (1n << 32n) - 1n, 1n << 40n, 1n << 53n, (1n << 64n) - 1n]),
        lengthBytes: 8,
        payload: random.bytes(random.below(100)),
      }),
    ],
    ends: [1009],
  }),
  'fragments that are too large together': (random) => {
    const part = Buffer.alloc(40_000, 0x20)
    return { chunks: fragmented(Buffer.concat([part, part, part]), random.pick([3, 5, 20])), ends: [1009] }
  },
  'a control frame that is too long': (random) => ({
    chunks: [wsFrame({ opcode: random.pick([8, 9, 10]), payload: Buffer.alloc(126 + random.below(200)) })],
    ends: protocolError,
  }),
  'a control frame in fragments': (random) => ({
    chunks: [wsFrame({ opcode: random.pick([8, 9, 10]), fin: false })],
    ends: protocolError,
  }),
  'a close frame with a code that there is not': (random) => {
    const payload = Buffer.alloc(2)
    payload.writeUInt16BE(random.pick([0, 1, 999, 1004, 1005, 1006, 1015, 1016, 2999, 5000, 65_535]))
    return { chunks: [wsFrame({ opcode: opcodes.close, payload })], ends: protocolError }
  },
  'a close frame with half a code': () => ({
    chunks: [wsFrame({ opcode: opcodes.close, payload: Buffer.from([3]) })],
    ends: protocolError,
  }),
  'a close frame with a reason that is no UTF-8': () => ({
    chunks: [wsFrame({ opcode: opcodes.close, payload: Buffer.from([0x03, 0xe8, 0xff, 0xfe]) })],
    ends: [1007],
  }),
  'words after a close frame': (random) => ({
    chunks: [
      wsFrame({ opcode: opcodes.close, payload: Buffer.from([0x03, 0xe8]) }),
      ...Array.from({ length: random.below(5) }, () => wsFrame({ payload: ping() })),
    ],
    ends: [1000],
  }),
  'a frame that stops in the middle': (random) => {
    const whole = wsFrame({ payload: ping() })
    return { chunks: [whole.subarray(0, 1 + random.below(whole.length - 1))], ends: 'any' }
  },
  'bytes that are no frames': (random) => ({ chunks: [random.bytes(1 + random.below(400))], ends: 'any' }),
  'a frame with some bytes changed': (random) => {
    const whole = wsFrame({ payload: ping() })
    for (let i = random.below(4); i >= 0; i--) whole[random.below(whole.length)] = random.below(256)
    return { chunks: [whole], ends: 'any' }
  },
  'a message byte by byte': () => ({
    chunks: [...wsFrame({ payload: ping() })].map((byte) => Buffer.from([byte])),
    ends: 'answered',
  }),
  'pings and pongs that nobody asked for': (random) => ({
    chunks: [...Array.from({ length: 1 + random.below(40) }, () => control(random)), wsFrame({ payload: ping() })],
    ends: 'answered',
  }),
  // Pongs that are not taken away pile up; ws hangs up on whoever lets them.
  'a flood of pings': (random) => ({
    chunks: Array.from({ length: 500 }, () => wsFrame({ opcode: opcodes.ping, payload: random.bytes(125) })),
    ends: 'any',
  }),
}

const names = Object.keys(makers)

/** Makes one attack. */
export function attack(random: Random): Attack {
  const name = random.pick(names)
  const made = makers[name]?.(random)
  if (!made) throw new TypeError(name)
  return { name, ...made, frames: name === 'a message byte by byte' ? 1 : made.chunks.length }
}
