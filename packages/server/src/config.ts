import { resolve } from 'node:path'
import * as v from 'valibot'
import { readEnvFile } from './env-file.ts'
import { readSecretFile } from './secret-file.ts'
import { databasePath, isPostgresUrl } from './database-url.ts'
import { settings, type LogLevel } from './settings.ts'
import { settingsSchema } from './settings-schema.ts'
import type { DatabaseLocation } from './storage/open.ts'
import { isTurnUrl } from './turn.ts'

export { settings } from './settings.ts'
export type { LogLevel, Setting, SettingName } from './settings.ts'

/** The settings of a server, checked, with every default filled in and every path absolute. Frozen. */
export interface Config {
  /** The address to listen on. */
  readonly host: string
  /** The port to listen on; 0 takes any free one. */
  readonly port: number
  /** Where the database lives, and the keys unless they have a directory of their own. */
  readonly dataDir: string
  /** Where the signing keys live. */
  readonly keysDir: string
  /** A SQLite file, or a PostgreSQL server, whose URL may have a password. */
  readonly database: DatabaseLocation
  /** The server through which several nodes hear of each other; it may have a password. */
  readonly redisUrl?: string
  /** Where people reach the server, without a trailing slash. */
  readonly publicUrl?: string
  /** Further origins whose pages may connect, in normal form. */
  readonly allowedOrigins: readonly string[]
  /** Addresses and networks of proxies whose `X-Forwarded-For` is believed. */
  readonly trustedProxies: readonly string[]
  /** The STUN and TURN servers that peers are told of, where there are any. */
  readonly turn?: { readonly urls: readonly string[]; readonly secret: string | undefined; readonly guests: boolean }
  /** The Gotify server that tells people what happens while they are away. */
  readonly gotifyUrl?: string
  /** The service that hears of every durable event. */
  readonly webhook?: { readonly url: string; readonly secret: string }
  /** The first administrator, to be made where there is none. */
  readonly bootstrap?: { readonly username: string; readonly password: string }
  /** How much to log. */
  readonly logLevel: LogLevel
  /** Where metrics and health are told, if anywhere. */
  readonly metrics?: { readonly host: string; readonly port: number }
  /** Over how many milliseconds clients are sent elsewhere at a stop. */
  readonly drainMs: number
  /** After how many days the next signing key takes over; 0: only by hand. */
  readonly keyRotationDays: number
  /** What replaces default limits; its shape is checked where the limits are known. */
  readonly limits: Readonly<Record<string, unknown>>
  /** `MESH_` variables that are no settings of this version; worth a word in the log. */
  readonly unknown: readonly string[]
  /** Secrets whose file other users of the machine may read; worth a word in the log. */
  readonly exposed: readonly string[]
}

/** A setting that is wrong. The message is one sentence for the person who wrote it, and never has the value. */
export class ConfigError extends Error {
  override readonly name = 'ConfigError'
}

/** Where settings come from. */
export interface ConfigSource {
  /** The environment; it wins over the file. */
  env: Readonly<Record<string, string | undefined>>
  /** The working directory: its `.env` is read, and relative paths start here. */
  cwd: string
}

/**
 * The settings from the environment and the `.env` file in the working directory. A variable that is set but empty counts as not
 * set, so that an empty one in the environment brings the default back. A secret may stand in a file of its own, named by `<name>_FILE`.
 *
 * @throws ConfigError for a value that is not valid, a `MESH_` variable that looks like a mistyped one, or a file that cannot be read.
 */
export function readConfig({ env, cwd }: ConfigSource): Config {
  const given = new Map<string, string>()
  const unknown: string[] = []
  for (const [name, value] of [...Object.entries(envFile(cwd)), ...Object.entries(env)]) {
    if (!name.startsWith('MESH_') || value === undefined || isServiceLink(name)) continue
    if (!variables.includes(name)) {
      const meant = nearestTo(name)
      if (meant !== undefined) throw new ConfigError(`${name} is not a setting: did you mean ${meant}?`)
      unknown.push(name)
      continue
    }
    given.set(name, value.trim())
  }
  const present = Object.fromEntries([...given].filter(([, value]) => value !== ''))
  const exposed = takeSecretFiles(present, cwd)
  const result = v.safeParse(settingsSchema, present, { abortEarly: true })
  if (!result.success) {
    const [issue] = result.issues
    throw new ConfigError(`${v.getDotPath(issue)} must be ${issue.message}.`)
  }

  const read = result.output
  const { MESH_BOOTSTRAP_ADMIN: username, MESH_BOOTSTRAP_PASSWORD: password } = read
  if ((username === undefined) !== (password === undefined)) {
    throw new ConfigError('MESH_BOOTSTRAP_ADMIN and MESH_BOOTSTRAP_PASSWORD must be set together.')
  }
  if (read.MESH_REDIS_URL !== undefined && !isPostgresUrl(read.MESH_DATABASE_URL ?? '')) {
    throw new ConfigError('MESH_REDIS_URL is for several nodes, which need PostgreSQL: set MESH_DATABASE_URL as well.')
  }
  const dataDir = resolve(cwd, read.MESH_DATA_DIR)
  return deepFreeze({
    host: read.MESH_HOST,
    port: read.MESH_PORT,
    dataDir,
    keysDir: read.MESH_KEYS_DIR === undefined ? dataDir : resolve(cwd, read.MESH_KEYS_DIR),
    database: locate(read.MESH_DATABASE_URL, { cwd, dataDir }),
    ...(read.MESH_REDIS_URL === undefined ? {} : { redisUrl: read.MESH_REDIS_URL }),
    ...(read.MESH_PUBLIC_URL === undefined ? {} : { publicUrl: read.MESH_PUBLIC_URL }),
    allowedOrigins: read.MESH_ALLOWED_ORIGINS,
    trustedProxies: read.MESH_TRUSTED_PROXIES,
    ...turnOf(read),
    ...(read.MESH_GOTIFY_URL === undefined ? {} : { gotifyUrl: read.MESH_GOTIFY_URL }),
    ...webhookOf(read),
    ...(username === undefined || password === undefined ? {} : { bootstrap: { username, password } }),
    logLevel: read.MESH_LOG_LEVEL,
    ...(read.MESH_METRICS_PORT === undefined
      ? {}
      : { metrics: { host: read.MESH_METRICS_HOST, port: read.MESH_METRICS_PORT } }),
    drainMs: read.MESH_DRAIN_S * 1000,
    keyRotationDays: read.MESH_KEY_ROTATION_DAYS,
    limits: read.MESH_LIMITS,
    unknown,
    exposed,
  })
}

/** Puts what the files of secrets hold in their settings' places; returns the settings whose file others may read. */
function takeSecretFiles(present: Record<string, string>, cwd: string): string[] {
  const exposed: string[] = []
  for (const { name } of settings.filter(({ secret }) => secret)) {
    const variable = `${name}_FILE`
    const path = present[variable]
    if (path === undefined) continue
    if (present[name] !== undefined) throw new ConfigError(`Set ${name} or ${variable}, not both.`)
    try {
      const file = readSecretFile(resolve(cwd, path))
      present[name] = file.text
      if (file.exposed) exposed.push(variable)
    } catch (error) {
      throw new ConfigError(`${variable} must be ${error instanceof Error ? error.message : 'a file'}.`)
    }
  }
  return exposed
}

function locate(url: string | undefined, { cwd, dataDir }: { cwd: string; dataDir: string }): DatabaseLocation {
  if (url === undefined) return { file: resolve(dataDir, 'mesh.db') }
  return isPostgresUrl(url) ? { url } : { file: resolve(cwd, databasePath(url)) }
}

/** A half of what relays need is a mistake, and one that would only show in calls that do not come about. */
function turnOf(read: v.InferOutput<typeof settingsSchema>): Pick<Config, 'turn'> {
  const { MESH_TURN_URLS: urls, MESH_TURN_SECRET: secret, MESH_TURN_GUESTS: guests } = read
  if (urls.length === 0) {
    if (secret !== undefined) throw new ConfigError('MESH_TURN_SECRET is of no use without MESH_TURN_URLS.')
    return {}
  }
  if (secret === undefined && urls.some(isTurnUrl)) {
    throw new ConfigError('MESH_TURN_SECRET must be set where MESH_TURN_URLS names a TURN server.')
  }
  return { turn: { urls, secret, guests } }
}

/** Without a secret nobody could tell a real event from another. */
function webhookOf(read: v.InferOutput<typeof settingsSchema>): Pick<Config, 'webhook'> {
  const { MESH_WEBHOOK_URL: url, MESH_WEBHOOK_SECRET: secret } = read
  if ((url === undefined) !== (secret === undefined)) {
    throw new ConfigError('MESH_WEBHOOK_URL and MESH_WEBHOOK_SECRET must be set together.')
  }
  return url === undefined || secret === undefined ? {} : { webhook: { url, secret } }
}

function envFile(cwd: string): Record<string, string | undefined> {
  try {
    return readEnvFile(cwd)
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? ` (${String(error.code)})` : ''
    throw new ConfigError(`The .env file in the working directory cannot be read${code}.`)
  }
}

/** Kubernetes and Docker links describe a service named `mesh` to every container in variables of this form. */
function isServiceLink(name: string): boolean {
  return /^MESH_(SERVICE_(HOST|PORT)(_[A-Z\d_]+)?|PORT_\d+_(TCP|UDP|SCTP)(_(PROTO|PORT|ADDR))?)$/.test(name)
}

/** Every variable that says something: the settings, and the files of those that are secrets. */
const variables = settings.flatMap(({ name, secret }) => (secret ? [name, `${name}_FILE`] : [name]))

/** The setting that a mistyped name most likely means. A name that is far from all of them may be another program's. */
function nearestTo(name: string): string | undefined {
  const [nearest] = variables
    .map((known) => ({ known, share: difference(name, known) }))
    .sort((a, b) => a.share - b.share)
  return nearest && nearest.share <= 0.5 ? nearest.known : undefined
}

/** The share of a name that must change to become the other, from 0 to 1; the common prefix says nothing. */
function difference(name: string, known: string): number {
  const [from, to] = [name.slice('MESH_'.length), known.slice('MESH_'.length)]
  return distance(from, to) / Math.max(from.length, to.length)
}

/** How many single-character edits lie between two names (Levenshtein). */
function distance(from: string, to: string): number {
  let row = Array.from({ length: to.length + 1 }, (_, index) => index)
  for (let i = 1; i <= from.length; i++) {
    const above = row
    row = [i]
    for (let j = 1; j <= to.length; j++) {
      const replaced = (above[j - 1] ?? 0) + (from[i - 1] === to[j - 1] ? 0 : 1)
      row.push(Math.min(replaced, (above[j] ?? 0) + 1, (row[j - 1] ?? 0) + 1))
    }
  }
  return row[to.length] ?? 0
}

function deepFreeze<T extends object>(value: T): T {
  for (const inner of Object.values(value)) if (typeof inner === 'object' && inner !== null) deepFreeze(inner)
  return Object.freeze(value)
}
