import type { Random } from './random.ts'

/** JSON text that stands for itself: what no JavaScript value would be written as. */
export class Raw {
  readonly text: string
  constructor(text: string) {
    this.text = text
  }
}

/** Writes JSON, {@link Raw} text included. */
export function write(value: unknown): string {
  if (value instanceof Raw) return value.text
  // Array.from and not map: the array may have been given a `constructor` of its own.
  if (Array.isArray(value)) return `[${Array.from(value, write).join(',')}]`
  if (typeof value !== 'object' || value === null) return JSON.stringify(value) ?? 'null'
  const fields = Object.entries(value).filter(([, inner]) => inner !== undefined)
  return `{${fields.map(([key, inner]) => `${JSON.stringify(key)}:${write(inner)}`).join(',')}}`
}

const nested = (open: string, close: string, depth: number) => new Raw(open.repeat(depth) + close.repeat(depth))

/** Names that every object of JavaScript answers to. */
export const inherited = ['toString', '__proto__', 'constructor', 'hasOwnProperty', 'valueOf', 'then', 'prototype']

const values: readonly ((random: Random) => unknown)[] = [
  () => null,
  () => true,
  () => '',
  () => ({}),
  () => [],
  () => [[]],
  () => ['a'],
  ...['1e400', '-1e400', '-0', '0', '-1', '1.5', '9007199254740993', '1e308', '4294967296', '256'].map(
    (text) => () => new Raw(text),
  ),
  ...['"\\ud800"', '"\\udc00x"', '"a\\u0000b"', '"\\u202egnp.exe"', '"\\ufeff"', '{"\\u0000":1}'].map(
    (text) => () => new Raw(text),
  ),
  () => new Raw('{"__proto__":{"polluted":true}}'),
  () => new Raw('{"constructor":{"prototype":{"polluted":true}}}'),
  () => new Raw('{"a":1,"a":2}'),
  () => nested('[', ']', 17),
  () => nested('[', ']', 8_192),
  () => nested('{"a":', '}', 8_192).text.replace('}', '1}'),
  () => new Raw(`${'{"a":'.repeat(8_192)}1${'}'.repeat(8_192)}`),
  (random) => 'x'.repeat(random.pick([64, 129, 257, 1_025, 4_097, 8_193, 65_537])),
  (random) => '\u{1f600}'.repeat(random.pick([33, 1_025, 16_385])),
  (random) => `room_${'\uff21'.repeat(22 + random.below(8))}`,
  (random) => `usr_${random.bytes(16).toString('base64url')}`,
  (random) => random.bytes(random.below(64)).toString('latin1'),
  (random) => random.pick(inherited),
  () => '../../etc/passwd',
  () => "'; DROP TABLE users; --",
  (random) => Array.from({ length: random.pick([17, 300, 5_000]) }, () => ({})),
]

/** Something that should not be there. */
export function nasty(random: Random): unknown {
  return random.pick(values)(random)
}
