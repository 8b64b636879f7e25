import { roles, type Role } from '@mesh/core'
import { InvalidArgumentError, Option } from 'commander'

/** Reads a whole number above zero. @throws InvalidArgumentError */
export function count(text: string): number {
  const value = Number(text)
  if (!/^\d{1,15}$/.test(text) || value < 1) throw new InvalidArgumentError('It must be a whole number above 0.')
  return value
}

/** Reads a role in a room. @throws InvalidArgumentError */
export function role(text: string): Role {
  const found = roles.find((known) => known === text)
  if (!found) throw new InvalidArgumentError(`It must be one of ${roles.join(', ')}.`)
  return found
}

/** Reads an option that may be given several times, or once with commas. */
export function several(text: string, before: readonly string[] = []): string[] {
  return [...before, ...text.split(',').map((part) => part.trim())]
}

/** The options of a list: without them it is shown whole. */
export const pageOptions = () => [
  new Option('--limit <n>', 'show one page of at most n (up to 1000)').argParser(count),
  new Option('--after <id>', 'show the page after this id'),
]
