import { randomBytes } from 'node:crypto'

/** A WebSocket frame (RFC 6455 section 5.2), every part of which may be wrong. */
export interface FrameOptions {
  opcode?: number
  payload?: Buffer
  fin?: boolean
  /** The three reserved bits, as a number from 0 to 7. */
  rsv?: number
  masked?: boolean
  /** The length that the header announces, where it is not the payload's. */
  announced?: bigint
  /** How the length is written, where it is not the shortest way. */
  lengthBytes?: 0 | 2 | 8
}

export const opcodes = { continuation: 0, text: 1, binary: 2, close: 8, ping: 9, pong: 10 } as const

/** Writes a frame. */
export function wsFrame(options: FrameOptions): Buffer {
  const { opcode = opcodes.text, payload = Buffer.alloc(0), fin = true, rsv = 0, masked = true } = options
  const length = options.announced ?? BigInt(payload.length)
  const bytes = options.lengthBytes ?? (length < 126n ? 0 : length < 65_536n ? 2 : 8)
  const head = Buffer.alloc(2 + bytes)
  head[0] = (fin ? 0x80 : 0) | (rsv << 4) | opcode
  head[1] = (masked ? 0x80 : 0) | (bytes === 0 ? Number(length & 0x7fn) : bytes === 2 ? 126 : 127)
  if (bytes === 2) head.writeUInt16BE(Number(length & 0xffffn), 2)
  if (bytes === 8) head.writeBigUInt64BE(length & 0xffff_ffff_ffff_ffffn, 2)
  if (!masked) return Buffer.concat([head, payload])
  const mask = randomBytes(4)
  return Buffer.concat([head, mask, payload.map((byte, index) => byte ^ (mask[index & 3] ?? 0))])
}

/** A frame as the server sent it. */
export interface ReadFrame {
  opcode: number
  payload: Buffer
}

/** Takes the server's frames out of a stream of bytes. @throws Error when they are not what a server may send */
export function createFrameReader(): (chunk: Buffer) => ReadFrame[] {
  let rest = Buffer.alloc(0)
  return (chunk) => {
    rest = Buffer.concat([rest, chunk])
    const frames: ReadFrame[] = []
    while (rest.length >= 2) {
      const [first = 0, second = 0] = rest
      if ((first & 0x70) !== 0) throw new Error('the server set a reserved bit')
      if ((first & 0x80) === 0) throw new Error('the server fragmented a message')
      if ((second & 0x80) !== 0) throw new Error('the server masked a frame')
      const lengthBytes = second === 126 ? 2 : second === 127 ? 8 : 0
      if (rest.length < 2 + lengthBytes) break
      const length =
        lengthBytes === 0 ? second : lengthBytes === 2 ? rest.readUInt16BE(2) : Number(rest.readBigUInt64BE(2))
      const end = 2 + lengthBytes + length
      if (rest.length < end) break
      frames.push({ opcode: first & 0x0f, payload: rest.subarray(2 + lengthBytes, end) })
      rest = rest.subarray(end)
    }
    return frames
  }
}
