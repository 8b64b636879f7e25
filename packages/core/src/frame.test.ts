import { describe, expect, it } from 'vitest'
import { isMeshError } from './errors.ts'
import { decode, passOn, exceeds, idOf } from './frame.ts'
import { frameText } from './testing/kit.ts'

const id = '0b7d5a2e-1111-4222-8333-444455556666'
/** Why a text is refused, or `sound`. */
function verdict(text: string): string {
  try {
    decode(text, 16)
    return 'sound'
  } catch (error) {
    if (!isMeshError(error) || error.code !== 'BAD_MESSAGE') throw error
    const { reason, path } = error.details
    return path === undefined ? String(reason) : `${reason} ${path}`
  }
}
const withPayload = (json: string) => frameText().replace('"payload":{}', `"payload":${json}`)
/** Long enough for its depth to matter. */
const longWith = (json: string) => withPayload(json).padEnd(1_024)
const nested = (depth: number) => '['.repeat(depth) + ']'.repeat(depth)

describe('the envelope', () => {
  it('passes as it should be', () => {
    expect(verdict(frameText())).toBe('sound')
    expect(verdict(frameText({ from: 'peer_x', reply_to: id, timestamp: '2026-12-31T23:59:59+01:00' }))).toBe('sound')
  })

  it.each([
    ['not JSON', '{', 'json'],
    ['nothing', '', 'json'],
    ['two values', `${frameText()}{}`, 'json'],
    ['a number', '1', 'envelope'],
    ['null', 'null', 'envelope'],
    ['an array', '[]', 'envelope'],
    ['a string', '"x"', 'envelope'],
    ['an unknown field', frameText({ extra: 1 }), 'unknown_field'],
    ['a field of the error envelope', frameText({ code: 'X' }), 'unknown_field'],
    ['__proto__', frameText().replace('{', '{"__proto__":{"to":"server"},'), 'unknown_field'],
    ['constructor', frameText({ constructor: {} }), 'unknown_field'],
    ['a type that is no string', frameText({ type: 1 }), 'envelope type'],
    ['an id that is no UUID', frameText({ id: 'x' }), 'envelope id'],
    ['an id with a line break behind it', frameText({ id: `${id}\n` }), 'envelope id'],
    ['no id', frameText({ id: undefined }), 'envelope id'],
    ['no timestamp', frameText({ timestamp: undefined }), 'envelope timestamp'],
    ['a timestamp that is a number', frameText({ timestamp: 1 }), 'envelope timestamp'],
    ['a timestamp without a zone', frameText({ timestamp: '2026-01-01T00:00:00' }), 'envelope timestamp'],
    ['a thirteenth month', frameText({ timestamp: '2026-13-01T00:00:00Z' }), 'envelope timestamp'],
    ['a 25th hour', frameText({ timestamp: '2026-01-01T24:00:00Z' }), 'envelope timestamp'],
    ['no to', frameText({ to: undefined }), 'envelope to'],
    ['a to that could break out of its quotes', frameText({ to: 'a"b' }), 'envelope to'],
    ['a to without end', frameText({ to: 'x'.repeat(81) }), 'envelope to'],
    ['a from that is no string', frameText({ from: null }), 'envelope from'],
    ['a reply_to that is no UUID', frameText({ reply_to: 'x' }), 'envelope reply_to'],
    ['no payload', frameText({ payload: undefined }), 'envelope payload'],
    ['a payload that is null', frameText({ payload: null }), 'envelope payload'],
    ['a payload that is an array', frameText({ payload: [] }), 'envelope payload'],
  ])('is refused with %s', (_name, text, reason) => {
    expect(verdict(text)).toBe(reason)
  })

  it('names the frame in the error where its id could be read', () => {
    const idFrom = (text: string) => {
      try {
        decode(text, 16)
      } catch (error) {
        return idOf(error)
      }
    }
    expect(idFrom(frameText({ id, to: '?' }))).toBe(id)
    expect(idFrom(frameText({ id: 'x' }))).toBeUndefined()
    expect(idFrom('{')).toBeUndefined()
  })

  it('of two keys with one name has the last, as what is passed on has', () => {
    expect(decode(withPayload('{"a":1,"a":2}'), 16).payload).toEqual({ a: 2 })
  })

  it('lets 1e400 through as what it is, for the schema to refuse', () => {
    expect(decode(withPayload('{"n":1e400}'), 16).payload).toEqual({ n: Infinity })
  })
})

describe('depth', () => {
  // The envelope and the payload are two levels.
  it('passes at the limit and not above', () => {
    expect(verdict(longWith(`{"a":${nested(14)}}`))).toBe('sound')
    expect(verdict(longWith(`{"a":${nested(15)}}`))).toBe('depth')
    expect(verdict(longWith(`${'{"a":'.repeat(15)}1${'}'.repeat(15)}`))).toBe('sound')
    expect(verdict(longWith(`${'{"a":'.repeat(16)}1${'}'.repeat(16)}`))).toBe('depth')
  })

  it('does not matter in a text too short to nest harmfully', () => {
    expect(verdict(withPayload(`{"a":${nested(100)}}`))).toBe('sound')
    expect(verdict(withPayload(`{"a":${nested(100)}}`).padEnd(1_023))).toBe('sound')
  })

  it('is not a matter of how many brackets there are', () => {
    expect(verdict(longWith(`{"a":[${Array(100).fill('[]').join(',')}]}`))).toBe('sound')
  })

  it('does not count brackets inside strings, whatever is escaped there', () => {
    const text = JSON.stringify(`${'['.repeat(100)}"\\${'{'.repeat(100)}\\"`)
    expect(verdict(longWith(`{"a":${text}}`))).toBe('sound')
    expect(verdict(longWith(`{"a":${text},"b":${nested(15)}}`))).toBe('depth')
  })

  it('refuses 64 KiB of brackets without parsing them', () => {
    const started = performance.now()
    for (let i = 0; i < 100; i++) expect(verdict('['.repeat(65_536))).toBe('depth')
    // Parsing it takes about 5 ms each.
    expect(performance.now() - started).toBeLessThan(250)
  })
})

describe('text', () => {
  it.each([
    ['NUL', '{"a":"\\u0000"}'],
    ['a lone high surrogate', '{"a":"\\ud800"}'],
    ['a lone low surrogate', '{"a":"x\\udfff"}'],
    ['surrogates in the wrong order', '{"a":"\\udc00\\ud800"}'],
    ['NUL in a key', '{"\\u0000":1}'],
    ['a lone surrogate in a key deep inside', '{"a":[{"b":[{"\\ud800":1}]}]}'],
    ['a lone surrogate in an array', '{"a":["x","\\ud800"]}'],
  ])('is refused with %s', (_name, payload) => {
    expect(verdict(withPayload(payload))).toBe('text')
  })

  it.each([
    ['a pair by escapes', '{"a":"\\ud83d\\ude00"}'],
    ['a pair as it is', '{"a":"😀"}'],
    ['a backslash before a u', '{"a":"\\\\u0000"}'],
    ['another escape', '{"a":"\\u0001\\n"}'],
  ])('passes with %s', (_name, payload) => {
    expect(verdict(withPayload(payload))).toBe('sound')
  })
})

describe('the bytes of a class', () => {
  const over = (limit: number, kind: Parameters<typeof exceeds>[1], payload: Record<string, unknown>) =>
    exceeds(limit, kind, payload, new TextEncoder().encode(frameText({ payload })).length)

  it.each([
    ['chat', 'chat', 4_096, (text: string) => ({ text })],
    ['sdp', 'sdp', 65_536, (sdp: string) => ({ sdp, rtc_id: 'x', cap_token: 'y'.repeat(2_000) })],
    ['ice', 'ice', 1_024, (candidate: string) => ({ rtc_id: 'x', candidate: { candidate, sdpMid: '0' } })],
  ] as const)('of %s are those of its text, exactly', (_name, kind, limit, payload) => {
    expect(over(limit, kind, payload('a'.repeat(limit)))).toBe(false)
    expect(over(limit, kind, payload('a'.repeat(limit + 1)))).toBe(true)
    expect(over(limit, kind, payload('ä'.repeat(limit / 2)))).toBe(false)
    expect(over(limit, kind, payload(`${'ä'.repeat(limit / 2)}a`))).toBe(true)
    expect(over(limit, kind, payload('😀'.repeat(limit / 4)))).toBe(false)
    expect(over(limit, kind, payload(`${'😀'.repeat(limit / 4)}a`))).toBe(true)
  })

  it('of any other are those of the payload without its cap_token', () => {
    const a = (count: number) => ({ a: 'a'.repeat(count - '{"a":""}'.length) })
    expect(over(512, 'presence', a(512))).toBe(false)
    expect(over(512, 'presence', a(513))).toBe(true)
    expect(over(512, 'presence', { ...a(512), cap_token: 'x'.repeat(2_000) })).toBe(false)
  })

  it('of a text of the wrong kind are those of the whole payload', () => {
    expect(over(4_096, 'chat', { text: ['a'.repeat(5_000)] })).toBe(true)
    expect(over(1_024, 'ice', { candidate: { candidate: ['a'.repeat(2_000)] } })).toBe(true)
    expect(over(65_536, 'sdp', { text: 'a'.repeat(66_000) })).toBe(true)
  })
})

describe('passing a signal on', () => {
  const from = `peer_${'s'.repeat(22)}`
  const token = `${'h'.repeat(40)}.${'c'.repeat(300)}.${'s'.repeat(86)}`
  const long = 'v=0\r\n'.repeat(300)
  const envelope = {
    type: 'rtc.offer',
    id: '0b4a2f6e-1c1f-4f0e-9a59-0f4b1b0c7b11',
    timestamp: '2026-01-01T00:00:00.000Z',
    to: `peer_${'r'.repeat(22)}`,
  }
  const pass = (text: string) => {
    const frame = decode(text, 16)
    const { cap_token: _, ...payload } = frame.payload
    return passOn(frame, from, payload)
  }

  it.each([
    ['first', { cap_token: token, sdp: long }],
    ['last', { sdp: long, cap_token: token }],
    ['between', { rtc_id: 'x', cap_token: token, sdp: long }],
    ['not there', { sdp: long }],
  ])('gives a long one its sender and keeps the token, %s, from it', (_, payload) => {
    const passed = pass(JSON.stringify({ ...envelope, payload }))
    const { cap_token, ...rest } = payload as { cap_token?: string }
    expect(JSON.parse(passed)).toEqual({ ...envelope, from, payload: rest })
    expect(cap_token === undefined || !passed.includes(cap_token)).toBe(true)
  })

  // What is passed on must be the one reading that was checked, whichever of two members with one name a parser takes.
  it.each([
    ['a description twice', `{"sdp":"k=evil","sdp":${JSON.stringify(long)}}`],
    ['one of the names escaped', `{"sdp":"k=evil","\\u0073dp":${JSON.stringify(long)}}`],
    ['a token twice', `{"cap_token":"${token}","sdp":${JSON.stringify(long)},"cap_token":"${token}"}`],
    ['the name of the token escaped', `{"cap\\u005ftoken":"${token}","sdp":${JSON.stringify(long)}}`],
    [
      'a member of the token’s text within a text',
      `{"sdp":${JSON.stringify(`${long}"cap_token":"${token}",`)},"cap_token":"${token}"}`,
    ],
    ['a number twice', `{"n":1,"n":2,"sdp":${JSON.stringify(long)}}`],
  ])('writes one with %s anew', (_, payload) => {
    const { type, id, timestamp, to } = envelope
    const head = `"type":"${type}","id":"${id}","timestamp":"${timestamp}","to":"${to}"`
    const passed = pass(`{${head},"payload":${payload}}`)
    const reading = JSON.parse(payload) as Record<string, unknown>
    delete reading.cap_token
    expect(passed).toBe(JSON.stringify({ type, id, timestamp, from, to, payload: reading }))
  })

  it('gives an ordinary description its sender, and leaves it as it came', () => {
    const sdp = `v=0\r\n${'a=rtpmap:111 opus/48000/2\r\n'.repeat(60)}`
    const text = JSON.stringify({ ...envelope, payload: { sdp } })
    expect(pass(text)).toBe(`{"from":"${from}",${text.slice(1)}`)
  })

  // No limit but that of the whole frame counts what says nothing: it must not become a way to carry something.
  it.each([
    ['blanks within', (text: string) => text.replace('{"n"', `{${' \t'.repeat(20_000)}"n"`)],
    ['blanks behind', (text: string) => text + ' \n'.repeat(20_000)],
    ['the digits of a zero', (text: string) => text.replace('"n":0', `"n":0e${'1234567890'.repeat(4_000)}`)],
    ['a text in escapes', (text: string) => text.replace('"a"', `"${'\\u0061'.repeat(1_000)}"`)],
  ])('writes one anew that is blown up by %s', (_, blowUp) => {
    const { type, id, timestamp, to } = envelope
    const text = blowUp(JSON.stringify({ ...envelope, payload: { n: 0, note: 'a' } }))
    expect(pass(text)).toBe(JSON.stringify({ type, id, timestamp, from, to, payload: decode(text, 16).payload }))
  })

  it('writes one anew whose envelope says more than it must', () => {
    const text = JSON.stringify({ ...envelope, payload: { sdp: long } })
    const twice = text.replace('{"type"', '{"to":"peer_other","type"')
    const claimed = text.replace('{"type"', `{"from":"${from}","type"`)
    const replying = text.replace('{"type"', `{"reply_to":"${envelope.id}","type"`)
    const spaced = ` ${text}`
    const { type, id, timestamp, to } = envelope
    const expected = JSON.stringify({ type, id, timestamp, from, to, payload: { sdp: long } })
    for (const odd of [twice, claimed, replying, spaced]) expect(pass(odd)).toBe(expected)
  })
})
