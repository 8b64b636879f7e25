/**
 * A text message as one unfragmented, unmasked frame, as a server sends it (RFC 6455 section 5.2): a string with a byte in
 * each unit, which is what Node calls latin1. Written as such it needs no memory outside of the heap, and several are one
 * by mere addition.
 */
export class TextFrame {
  /** The whole frame. */
  readonly wire: string

  constructor(text: string) {
    const length = Buffer.byteLength(text)
    // As long in UTF-8 as in UTF-16: all of it is ASCII, and its units are its bytes.
    this.wire = headOf(length) + (length === text.length ? text : Buffer.from(text).toString('latin1'))
  }
}

/** FIN and the opcode of text, and the length. */
function headOf(length: number): string {
  if (length < 126) return String.fromCharCode(0x81, length)
  if (length < 65_536) return String.fromCharCode(0x81, 126, length >> 8, length & 0xff)
  const head = Buffer.from([0x81, 127, 0, 0, 0, 0, 0, 0, 0, 0])
  head.writeUInt32BE(length, 6)
  return head.toString('latin1')
}
