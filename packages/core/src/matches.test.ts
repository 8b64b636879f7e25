import fc from 'fast-check'
import * as v from 'valibot'
import { describe, expect, it } from 'vitest'
import { matcherOf } from './matches.ts'
import { clientEvents } from './protocol.ts'

const id = (kind: string) => `${kind}_${'x'.repeat(22)}`

/** Values that fit one field or another, or nearly. */
const leaf = fc.oneof(
  fc.constantFrom<unknown>(
    ...['usr', 'dev', 'peer', 'room', 'term', 'sess', 'p2p', 'rtc', 'msg', 'inv'].map(id),
    ...[
      'call',
      'share:file',
      'online',
      'busy',
      'hangup',
      'completed',
      'host',
      'sha-256 AA',
      'CALL',
      '',
      'x'.repeat(130),
    ],
    ...[0, 1, -0, -1, 1.5, 60, 180, 181, 255, 256, 2 ** 53, Number.POSITIVE_INFINITY, true, false, null],
  ),
  fc.string({ maxLength: 200 }),
  fc.integer(),
)
const nested = fc.oneof(
  leaf,
  fc.array(leaf, { maxLength: 3 }),
  fc.dictionary(fc.constantFrom('candidate', 'sdpMid', 'host', 'port', 'type', 'name', 'version'), leaf),
)

describe('a matcher agrees with the full validation', () => {
  const events = Object.entries(clientEvents).map(([type, { payload }]) => ({
    type,
    payload: payload as v.GenericSchema,
  }))
  it.each(events)('of $type', ({ payload: schema }) => {
    const matches = matcherOf(schema)
    expect(matches).toBeDefined()
    const keys = Object.keys((schema as unknown as { entries: object }).entries)
    const known = keys.length > 0 ? fc.constantFrom(...keys) : fc.constant('x')
    const payloads = fc.dictionary(
      fc.oneof({ weight: 20, arbitrary: known }, fc.constantFrom('x', '__proto__')),
      nested,
    )
    fc.assert(
      fc.property(payloads, (made) => {
        // As it comes from the wire: with members of its own only, whatever they are called.
        const payload: unknown = JSON.parse(JSON.stringify(made))
        if (matches?.(payload)) expect(v.is(schema, payload)).toBe(true)
        else if (v.is(schema, payload)) expect(Object.keys(payload as object)).toContain('__proto__')
      }),
      { numRuns: 300 },
    )
  })

  it.each([
    ['an object', v.strictObject({ a: v.string(), b: v.optional(v.number()) })],
    ['a list', v.pipe(v.array(v.pipe(v.string(), v.regex(/^a/))), v.minLength(1), v.maxLength(2))],
    ['a choice', v.union([v.literal('x'), v.nullable(v.boolean()), v.picklist(['p', 'q'])])],
    ['a number', v.pipe(v.number(), v.safeInteger(), v.minValue(-3), v.maxValue(3))],
  ])('on %s, value by value', (_, schema) => {
    const values: unknown[] = [
      ...['x', 'p', 'r', 'a', '', null, true, 0, 3, 4, -3, -4, 1.5, Number.NaN, [], ['a'], ['b'], ['a', 'a', 'a'], [1]],
      ...[
        {},
        { a: 'x' },
        { a: 1 },
        { a: 'x', b: 1 },
        { a: 'x', b: 'x' },
        { b: 1 },
        { a: 'x', c: 1 },
        { a: 'x', b: null },
      ],
    ]
    const matches = matcherOf(schema)
    for (const value of values) expect([value, matches?.(value)]).toEqual([value, v.is(schema, value)])
  })

  it('and there is none for a schema that it does not know', () => {
    expect(matcherOf(v.pipe(v.string(), v.isoTimestamp()))).toBeUndefined()
    expect(matcherOf(v.strictObject({ a: v.date() }))).toBeUndefined()
  })
})
