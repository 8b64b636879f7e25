import type { Hit, Secrets } from './secrets.ts'

/** Everything that came out of a server, by the place where it came out. */
export interface Places {
  add(place: string, text: string): void
  /** Every secret that stands where it does not belong, with what was searched. */
  search(secrets: Secrets): { hits: Hit[]; places: string[]; bytes: number }
}

/** @see Places */
export function createPlaces(): Places {
  const texts = new Map<string, string[]>()
  return {
    add(place, text) {
      const before = texts.get(place)
      if (before) before.push(text)
      else texts.set(place, [text])
    },
    search(secrets) {
      const whole = [...texts].map(([place, parts]) => [place, parts.join('\n')] as const)
      return {
        hits: whole.flatMap(([place, text]) => secrets.search(place, text)),
        places: whole.map(([place]) => place),
        bytes: whole.reduce((sum, [, text]) => sum + Buffer.byteLength(text), 0),
      }
    },
  }
}
