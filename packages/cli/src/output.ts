import { styleText } from 'node:util'
import { escaped } from '@mesh/core'

/** How results are shown. */
export interface OutputOptions {
  json: boolean
  quiet: boolean
  /** Whether a person reads it: a table, in place of columns separated by tabs. */
  tty: boolean
}

/** A value of a row as text. */
export type Cell = string | number | boolean | undefined

/** What a command has to show. */
export interface Shown<T extends object> {
  data: T | readonly T[]
  /** The id to go on after, where there is more. */
  next?: string | undefined
  /** The columns of the table, by key of a row. */
  columns: readonly (keyof T & string)[]
  /** What `-q` prints of each row. */
  id: keyof T & string
}

/** The result as it goes to the standard output stream. */
export function render<T extends object>({ data, next, columns, id }: Shown<T>, options: OutputOptions): string {
  if (options.json) return `${escaped(JSON.stringify(next === undefined ? { data } : { data, next }, null, 2))}\n`
  const rows: readonly T[] = isList(data) ? data : [data]
  if (options.quiet) return lines(rows.map((row) => text(row[id])))
  const cells = rows.map((row) => columns.map((column) => text(row[column])))
  return options.tty ? table(columns, cells) : lines(cells.map((row) => row.join('\t')))
}

function table(columns: readonly string[], rows: readonly string[][]): string {
  const widths = columns.map((column, at) => Math.max(column.length, ...rows.map((row) => row[at]?.length ?? 0)))
  const line = (row: readonly string[]) =>
    row.map((cell, at) => (at === row.length - 1 ? cell : cell.padEnd(widths[at] ?? 0))).join('  ')
  return lines([styleText('bold', line(columns.map((column) => column.toUpperCase()))), ...rows.map(line)])
}

function text(value: unknown): string {
  if (value === undefined || value === null) return ''
  const plain = typeof value === 'object' ? JSON.stringify(value) : String(value)
  return escaped(plain.replaceAll('\n', ' '))
}

const lines = (all: readonly string[]): string => all.map((line) => `${line}\n`).join('')

function isList<T>(data: T | readonly T[]): data is readonly T[] {
  return Array.isArray(data)
}
