// The command line of tools that take numbers.
import { parseArgs } from 'node:util'

/**
 * Reads whole numbers given as `--name N`. `--help` prints the usage; so does what is not understood, with exit code 2: a
 * mistyped amount must not look like a run in which nothing went wrong.
 */
export function readNumbers<const K extends string>(usage: string, defaults: Record<K, number>): Record<K, number> {
  const numbers = { ...defaults }
  try {
    const string = { type: 'string' } as const
    const options = Object.fromEntries(Object.keys(defaults).map((name) => [name, string]))
    const values: Record<string, unknown> = parseArgs({ options: { ...options, help: { type: 'boolean' } } }).values
    if (values['help'] === true) leave(usage, 0)
    for (const name in defaults) if (values[name] !== undefined) numbers[name] = wholeNumber(name, values[name])
  } catch (error) {
    leave(`${error instanceof Error ? error.message : String(error)}\n${usage}`, 2)
  }
  return numbers
}

function wholeNumber(name: string, value: unknown): number {
  if (!/^\d{1,15}$/.test(String(value))) throw new TypeError(`--${name} takes a whole number`)
  return Number(value)
}

function leave(text: string, code: number): never {
  ;(code === 0 ? console.log : console.error)(text)
  process.exit(code)
}
