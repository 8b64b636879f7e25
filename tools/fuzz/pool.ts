/** Values of a running scenario, by the name of the field they stood in. */
export interface Pool {
  /** Takes in every id, token and number that something holds. */
  learn(value: unknown): void
  of(name: string): readonly (string | number)[]
}

const size = 32
const worth = /(_id|token|fence|code|seq)$/
// A token that the server grants is what a client presents under another name.
const aliases: Record<string, readonly string[]> = { token: ['token', 'cap_token'] }

/** A pool that keeps the latest values of each name; what must not be touched never gets in. */
export function createPool(untouchable: ReadonlySet<unknown> = new Set()): Pool {
  const values = new Map<string, (string | number)[]>()

  function add(name: string, value: string | number): void {
    const known = values.get(name) ?? []
    values.set(name, known)
    if (known.includes(value)) return
    known.push(value)
    if (known.length > size) known.shift()
  }

  const pool: Pool = {
    learn(value) {
      if (typeof value !== 'object' || value === null) return
      for (const [name, inner] of Object.entries(value)) {
        if (typeof inner === 'object') pool.learn(inner)
        else if (worth.test(name) && (typeof inner === 'string' || typeof inner === 'number')) {
          if (!untouchable.has(inner)) for (const alias of aliases[name] ?? [name]) add(alias, inner)
        }
      }
    },
    of: (name) => values.get(name) ?? [],
  }
  return pool
}
