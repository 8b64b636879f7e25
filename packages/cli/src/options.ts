import { auditActions, roles, type AuditAction, type Role } from '@mesh/core'
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

const units = { s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000 } as const

/** Reads an instant: how long ago (`90s`, `15m`, `1h`, `7d`) or ISO 8601; milliseconds since 1970. @throws InvalidArgumentError */
export function instant(text: string): number {
  const [, amount, unit] = /^(\d{1,9})([smhd])$/.exec(text) ?? []
  const at = amount && unit ? Date.now() - Number(amount) * units[unit as keyof typeof units] : Date.parse(text)
  if (Number.isNaN(at)) throw new InvalidArgumentError('It must be like 15m, 1h, 7d or 2026-01-31T12:00:00Z.')
  return Math.max(0, at)
}

/** What {@link auditOptions} ask for. */
export interface AuditOptions {
  since?: number
  actor?: string
  room?: string
  action?: AuditAction
}

/** The options that say which entries of the audit log are meant. */
export const auditOptions = () => [
  new Option('--since <when>', 'not before: 15m, 1h, 7d ago, or an instant of ISO 8601').argParser(instant),
  new Option('--actor <who>', 'by a user (name or id), administrator, host or server'),
  new Option('--room <room>', 'in a room, by name or id; a deleted one by its id'),
  new Option('--action <action>', 'of one kind').choices(Object.keys(auditActions)),
]
