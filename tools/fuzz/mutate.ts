import { inherited, nasty, Raw, write } from './nasty.ts'
import type { Random } from './random.ts'

type Container = Record<string, unknown> | unknown[]

/** Changes a value in one to three places and writes it as JSON, which may no longer be any. */
export function mutated(random: Random, value: object, foreign: readonly string[]): string {
  const copy = structuredClone(value) as Record<string, unknown>
  for (let i = random.below(3); i >= 0; i--) change(random, copy, foreign)
  const text = write(copy)
  return random.chance(0.1) ? garbled(random, text) : text
}

function change(random: Random, root: Container, foreign: readonly string[]): void {
  const all = containers(root)
  const target = random.pick(all)
  const keys = Object.keys(target)
  // An array is indexed by the same keys that an object is.
  const fields = target as Record<string, unknown>
  const key = keys.length > 0 ? random.pick(keys) : 'extra'
  const old = fields[key]
  // An assignment to `__proto__` would change the object's prototype instead of adding a field.
  const set = (name: string, to: unknown) =>
    Object.defineProperty(fields, name, { value: to, writable: true, enumerable: true, configurable: true })
  switch (random.below(9)) {
    case 0:
      return void Reflect.deleteProperty(fields, key)
    case 1:
      return void set(key, random.pick(foreign))
    case 2:
      return void set(key, [old])
    case 3:
      return void set(key, typeof old === 'string' ? scratched(random, old) : nasty(random))
    case 4:
      return void set(random.pick([...inherited, 'extra', 'Type', '']), nasty(random))
    case 5:
      // A repeated key: the last one wins in JavaScript, and another language may see the first.
      return void set(key, new Raw(`${write(nasty(random))},${JSON.stringify(key)}:${write(old)}`))
    case 6:
      return void set(key, Array.isArray(old) ? { ...old } : Object.entries(Object(old)))
    default:
      return void set(key, nasty(random))
  }
}

function containers(value: unknown): Container[] {
  if (typeof value !== 'object' || value === null || value instanceof Raw) return []
  // Neither null nor Raw, so it has fields or entries.
  return [value as Container, ...Object.values(value).flatMap(containers)]
}

/** A string with a character changed, left out, doubled, or cut. */
export function scratched(random: Random, text: string): string {
  const at = random.below(text.length + 1)
  const [head, tail] = [text.slice(0, at), text.slice(at)]
  switch (random.below(5)) {
    case 0:
      return head + String.fromCharCode(33 + random.below(94)) + tail.slice(1)
    case 1:
      return head + tail.slice(1)
    case 2:
      return head + tail.slice(0, 1) + tail
    case 3:
      return head
    default:
      return head + String.fromCharCode(random.below(0x10000)) + tail
  }
}

/** Text that was JSON. */
function garbled(random: Random, text: string): string {
  switch (random.below(6)) {
    case 0:
      return text.slice(0, random.below(text.length))
    case 1:
      return `\ufeff${text}`
    case 2:
      return `${text}${text}`
    case 3:
      return text.replaceAll('"', "'")
    case 4:
      return `[${text}]`
    default:
      return scratched(random, text)
  }
}
