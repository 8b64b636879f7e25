import { describe, expect, it } from 'vitest'
import { eventFrame } from './deliver.ts'

/** What a transport would make of a text; it says when it does. */
function createForm() {
  const made: string[] = []
  class Form {
    readonly wire: string
    constructor(text: string) {
      made.push(text)
      this.wire = `<${text}>`
    }
  }
  return { made, Form }
}

describe('a frame', () => {
  it('is encoded once for all that send it', () => {
    const { made, Form } = createForm()
    const frame = eventFrame('hello')
    expect(frame.encoded(Form)).toBe(frame.encoded(Form))
    expect(made).toEqual(['hello'])
  })

  it('is kept as its text alone, and encoded anew when it is sent again', () => {
    const { made, Form } = createForm()
    const frame = eventFrame('hello')
    const encoded = frame.encoded(Form)
    frame.served()
    expect([frame.text, frame.size]).toEqual(['hello', 5])
    expect(frame.encoded(Form)).not.toBe(encoded)
    expect(made).toEqual(['hello', 'hello'])
  })

  it('goes out over transports of different kinds', () => {
    const [one, other] = [createForm(), createForm()]
    const frame = eventFrame('hello')
    expect(frame.encoded(one.Form).wire).toBe('<hello>')
    expect(frame.encoded(other.Form).wire).toBe('<hello>')
    expect([one.made, other.made]).toEqual([['hello'], ['hello']])
  })
})
