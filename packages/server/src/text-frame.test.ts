import { describe, expect, it } from 'vitest'
import { TextFrame } from './text-frame.ts'

// The lengths in bytes at which the head changes its form, some of them of characters that are several bytes each.
const cases: [bytes: number, head: number[], text: string][] = [
  [0, [0x81, 0], ''],
  [125, [0x81, 125], 'x'.repeat(125)],
  [126, [0x81, 126, 0, 126], 'é'.repeat(63)],
  [127, [0x81, 126, 0, 127], 'x'.repeat(127)],
  [65_535, [0x81, 126, 0xff, 0xff], '✓'.repeat(21_845)],
  [65_536, [0x81, 127, 0, 0, 0, 0, 0, 1, 0, 0], '🙂'.repeat(16_384)],
]

describe('a text frame', () => {
  it.each(cases)('of %i bytes has the head of RFC 6455, and says its text', (length, head, text) => {
    const frame = new TextFrame(text)
    expect([...frame.bytes.subarray(0, head.length)]).toEqual(head)
    expect(frame.bytes.toString('utf8', head.length)).toBe(text)
    expect(frame.bytes).toHaveLength(head.length + length)
    expect(frame.text).toBe(text)
  })

  it.each([1_023, 1_024, 4_000])('of %i bytes lasts where it has memory of its own, and only there', (length) => {
    const { isLasting, bytes } = new TextFrame('x'.repeat(length))
    expect(isLasting).toBe(length >= 1_024)
    if (isLasting) expect(bytes.buffer.byteLength).toBe(bytes.length)
  })
})
