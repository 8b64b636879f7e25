import type { Secrets } from './secrets.ts'
import { replaced, textsOf } from './records.ts'

/**
 * What is wrong with something that would be right, each with canaries where it is wrong: another type, far too long,
 * a field too many, the canary as a name. `value` is a body or a payload.
 */
export function wrongOnes(value: object, secrets: Secrets): unknown[] {
  const stray = () => secrets.make('stray')
  return [
    ...textsOf(value).flatMap(({ path }) => [
      replaced(value, path, { [stray()]: stray() }),
      replaced(value, path, stray().repeat(500)),
      replaced(value, path, `${stray()}\u0000\ud800`),
    ]),
    { ...value, [stray()]: stray() },
    { ...value, ['__proto__']: { [stray()]: 1 }, constructor: stray() },
    [stray()],
    stray(),
  ]
}

/** Texts that are not JSON. */
export function notJson(secrets: Secrets): string[] {
  const stray = () => secrets.make('stray')
  return [stray(), `{"${stray()}": "${stray()}`, `{"a": ${stray()}}`, `${'['.repeat(100)}"${stray()}"`]
}
