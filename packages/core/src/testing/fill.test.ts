import * as v from 'valibot'
import { describe, expect, it } from 'vitest'
import { fill, type Choices } from './fill.ts'

/** The least of everything. */
const least: Choices = {
  has: () => false,
  isNull: () => true,
  flag: () => false,
  length: ({ min }) => min,
  number: ({ min }) => min,
  text: ({ min }) => 'x'.repeat(min),
  pick: (_slot, options) => options[0] as (typeof options)[number],
}

describe('fill', () => {
  const schema = v.strictObject({
    name: v.pipe(v.string(), v.minLength(2), v.maxLength(4)),
    note: v.optional(v.string()),
    gone: v.nullable(v.string()),
    role: v.picklist(['owner', 'guest']),
    all: v.pipe(v.array(v.strictObject({ port: v.pipe(v.number(), v.minValue(7)) })), v.minLength(1)),
    either: v.union([v.literal('one'), v.boolean()]),
  })

  it('leaves every choice to the choices', () => {
    expect(fill(schema, least)).toEqual({ name: 'xx', gone: null, role: 'owner', all: [{ port: 7 }], either: 'one' })
    const more = { ...least, has: () => true, isNull: () => false, length: () => 2 }
    const made = fill(schema, { ...more, pick: (_slot, options) => options.at(-1) as (typeof options)[number] })
    expect(made).toMatchObject({ note: '', gone: '', role: 'guest', all: [{}, {}], either: false })
  })

  it('says where it is, and what is allowed there', () => {
    const seen: string[] = []
    const number: Choices['number'] = ({ key, path, min, max }) => {
      seen.push(`${key} ${path} ${min} ${max}`)
      return min
    }
    fill(schema, { ...least, number })
    expect(seen).toEqual([`port all[].port 7 ${Number.MAX_SAFE_INTEGER}`])
  })

  it('knows a schema or says so', () => {
    expect(() => fill(v.strictObject({ at: v.date() }), least)).toThrow('date at at')
  })
})
