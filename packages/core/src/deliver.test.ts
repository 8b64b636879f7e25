import { describe, expect, it } from 'vitest'
import { eventFrame } from './deliver.ts'

/** What a transport would make of a text; it says when it does. */
function createForm(isLasting = true) {
  const made: string[] = []
  class Form {
    readonly wire: string
    readonly isLasting = isLasting
    constructor(text: string) {
      made.push(text)
      this.wire = `<${text}>`
    }
    get text(): string {
      return `again ${this.wire}`
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

  it('keeps its encoded form where that may last, and not the text beside it', () => {
    const { made, Form } = createForm()
    const frame = eventFrame('hello')
    const encoded = frame.encoded(Form)
    expect(frame.text).toBe('hello')
    frame.served()
    expect([frame.text, frame.size]).toEqual(['again <hello>', 5])
    expect(frame.encoded(Form)).toBe(encoded)
    frame.served()
    expect(frame.text).toBe('again <hello>')
    expect(made).toEqual(['hello'])
  })

  it('keeps its text where the encoded form may not last, or there is none', () => {
    const { made, Form } = createForm(false)
    const frame = eventFrame('hello')
    frame.served()
    frame.encoded(Form)
    frame.served()
    expect(frame.text).toBe('hello')
    frame.encoded(Form)
    expect(made).toEqual(['hello', 'hello'])
  })

  it('goes out over transports of different kinds', () => {
    const [one, other] = [createForm(), createForm()]
    const frame = eventFrame('hello')
    frame.encoded(one.Form)
    frame.served()
    expect(frame.encoded(other.Form).wire).toBe('<again <hello>>')
  })
})
