import { escaped } from '@mesh/core'
import { isMeshError } from '@mesh/core/errors'
import { ConfigError, sentenceOf } from '@mesh/server'
import { CommanderError } from 'commander'
import { exitCodeOf, exitCodes } from './exit-codes.ts'

/** What the person reads when something did not work. */
export interface Report {
  code: string
  message: string
  /** What to do about it. */
  hint?: string
  exitCode: number
}

const hints: Readonly<Record<string, string>> = {
  already_member: 'Change the role with: mesh-cli member set-role',
  ambiguous_name: 'See the ids with: mesh-cli room list',
  last_owner: 'Make somebody else an owner first.',
  already_set_up: 'More administrators are made with: mesh-cli user create --admin',
  unpublished_key: 'It is published for a day first. Where it cannot wait: --force, and agents ask for the keys again.',
  running: 'Stop it first.',
  no_database: 'Is --data-dir (MESH_DATA_DIR) right? The first "mesh-cli user create" makes a new installation.',
}

const hintsByCode: Readonly<Record<string, string>> = {
  ROOM_NOT_FOUND: 'See the rooms with: mesh-cli room list',
  UNROUTABLE: 'For a peer that is not connected, name its user with --user.',
  UNAVAILABLE: 'If a server runs on this data directory, is it well? Try again.',
}

/** Puts any error into words. */
export function reportOf(error: unknown): Report {
  if (error instanceof CommanderError) {
    // The help that says which ones there are has been printed.
    if (error.code === 'commander.help') {
      return { code: 'USAGE', message: 'a command is missing', exitCode: exitCodes.usage }
    }
    return { code: 'USAGE', message: usageMessage(error.message), exitCode: exitCodes.usage }
  }
  if (isMeshError(error)) {
    const { code, message, details } = error
    const hint = hints[details.reason ?? ''] ?? hintsByCode[code]
    return { code, message, ...(hint === undefined ? {} : { hint }), exitCode: exitCodeOf(code) }
  }
  const code = error instanceof ConfigError ? 'CONFIG' : 'FAILED'
  return { code, message: sentenceOf(error), exitCode: exitCodes.failed }
}

/** The report as it goes to the standard error stream. */
export function renderReport({ code, message, hint }: Report, json: boolean): string {
  if (json) return `${escaped(JSON.stringify({ error: { code, message, hint } }))}\n`
  return `mesh-cli: ${escaped(message)}\n${hint === undefined ? '' : `${hint}\n`}`
}

/** Commander repeats an unknown option with its value, which may be a password that somebody tried to pass. */
function usageMessage(message: string): string {
  return message.replace(/^error: /, '').replace(/(unknown option '--?[^=']*)=[^\n]*'/s, "$1'")
}
