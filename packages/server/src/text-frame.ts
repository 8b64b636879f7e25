import type { Encoded } from '@mesh/core'

/** A text message as one unfragmented, unmasked frame, as a server sends it (RFC 6455 section 5.2). */
export class TextFrame implements Encoded {
  /** The whole frame. */
  readonly bytes: Buffer
  readonly isLasting: boolean

  constructor(text: string) {
    const length = Buffer.byteLength(text)
    const head = headOf(length)
    this.isLasting = length >= long
    const bytes = this.isLasting ? Buffer.allocUnsafeSlow(head + length) : Buffer.allocUnsafe(head + length)
    // FIN and the opcode of text.
    bytes[0] = 0x81
    if (head === 2) bytes[1] = length
    else if (head === 4) {
      bytes[1] = 126
      bytes.writeUInt16BE(length, 2)
    } else {
      bytes[1] = 127
      bytes.writeBigUInt64BE(BigInt(length), 2)
    }
    bytes.write(text, head)
    this.bytes = bytes
  }

  get text(): string {
    const [, length = 0] = this.bytes
    return this.bytes.toString('utf8', length < 126 ? 2 : length === 126 ? 4 : 10)
  }
}

/**
 * From so many bytes on a frame has memory of its own. That of shorter ones is cut from a larger piece, all of which is
 * there for as long as one of them is.
 */
const long = 1_024

const headOf = (length: number) => (length < 126 ? 2 : length < 65_536 ? 4 : 10)
