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
  it.each(cases)('of %i bytes has the head of RFC 6455, and its text in UTF-8', (length, head, text) => {
    const bytes = Buffer.from(new TextFrame(text).wire, 'latin1')
    expect([...bytes.subarray(0, head.length)]).toEqual(head)
    expect(bytes.toString('utf8', head.length)).toBe(text)
    expect(bytes).toHaveLength(head.length + length)
  })

  it('has a byte in each unit, whatever the text is made of', () => {
    const { wire } = new TextFrame('é✓🙂 and x')
    expect(wire).toBe(Buffer.from(wire, 'latin1').toString('latin1'))
    expect(wire).toHaveLength(2 + 15)
  })
})
