import { isIP } from 'node:net'
import * as v from 'valibot'
import { isNetwork } from './client-address.ts'
import { isRedisUrl } from './bus/redis-client.ts'
import { isHostName } from './host-name.ts'
import { normalizeOrigin } from './origin.ts'
import { isIceUrl } from './turn.ts'

/** How much the log says, from everything to nothing. */
export type LogLevel = 'debug' | 'info' | 'warn' | 'error' | 'silent'

const logLevels = ['debug', 'info', 'warn', 'error', 'silent'] as const satisfies readonly LogLevel[]

/** One variable of the environment, as the documentation shows it. */
export interface Setting {
  /** The variable's name. */
  name: string
  /** What holds where it is not set, as one would write it; undefined where there is no default. */
  default: string | undefined
  /** What it is for, in one or two sentences. */
  description: string
  /** Whether it is, or may hold, a secret: `<name>_FILE` may then name a file that has it. */
  secret?: boolean
}

const table = {
  MESH_HOST: {
    default: '127.0.0.1',
    description: 'The address to listen on. 0.0.0.0 or :: listens on every interface.',
  },
  MESH_PORT: {
    default: '7330',
    description: 'The port to listen on. 0 takes any free one and prints it.',
  },
  MESH_DATA_DIR: {
    default: './mesh-data',
    description:
      'The directory of the database and the signing keys, made on the first start. Back it up, and keep it private.',
  },
  MESH_DATABASE_URL: {
    default: 'sqlite:<MESH_DATA_DIR>/mesh.db',
    description:
      'A SQLite file (sqlite: and a path, or just a path; relative paths start at the working directory), or PostgreSQL: postgres://user:password@host/database.',
    secret: true,
  },
  MESH_REDIS_URL: {
    default: undefined,
    description:
      'Redis or Valkey, through which several nodes on one PostgreSQL database hear of each other: redis://user:password@host:6379, or rediss:// for TLS.',
    secret: true,
  },
  MESH_KEYS_DIR: {
    default: '<MESH_DATA_DIR>',
    description: 'The directory of the signing keys. Several nodes of one installation share it.',
  },
  MESH_PUBLIC_URL: {
    default: undefined,
    description:
      'Where people reach this server, e.g. https://mesh.example.org. It is the issuer of the tokens, and its pages may connect.',
  },
  MESH_ALLOWED_ORIGINS: {
    default: undefined,
    description: 'More web pages that may connect: exact origins, separated by commas.',
  },
  MESH_TRUSTED_PROXIES: {
    default: undefined,
    description:
      'Addresses and networks of the proxies in front, separated by commas, e.g. 127.0.0.1, 10.0.0.0/8. Their X-Forwarded-For says where a client is, for limits.',
  },
  MESH_TURN_URLS: {
    default: undefined,
    description:
      'STUN and TURN servers for calls, separated by commas, e.g. turn:turn.example.org:3478?transport=udp. See docs/turn.md.',
  },
  MESH_TURN_SECRET: {
    default: undefined,
    description: 'What the TURN servers know as static-auth-secret. Credentials made with it last 10 minutes.',
    secret: true,
  },
  MESH_TURN_GUESTS: {
    default: 'false',
    description: 'Whether guests of a room may use the TURN servers: true or false.',
  },
  MESH_GOTIFY_URL: {
    default: undefined,
    description:
      'A Gotify server that tells people what happens while they are away, e.g. https://gotify.example.org. See docs/notifications.md.',
  },
  MESH_WEBHOOK_URL: {
    default: undefined,
    description: 'A service that hears of every durable event of every room. See docs/notifications.md.',
    secret: true,
  },
  MESH_WEBHOOK_SECRET: {
    default: undefined,
    description: 'With which what that service hears is signed, at least 24 random characters.',
    secret: true,
  },
  MESH_BOOTSTRAP_ADMIN: {
    default: undefined,
    description:
      'The name of a first administrator, made at a start where there is no administrator; ignored afterwards.',
  },
  MESH_BOOTSTRAP_PASSWORD: {
    default: undefined,
    description: 'The password of that administrator.',
    secret: true,
  },
  MESH_LOG_LEVEL: {
    default: 'info',
    description: `How much to log: ${logLevels.join(', ')}.`,
  },
  MESH_METRICS_PORT: {
    default: undefined,
    description: 'The port of /metrics for Prometheus, /healthz, and /readyz with its reasons; none unless set.',
  },
  MESH_METRICS_HOST: {
    default: '127.0.0.1',
    description: 'The address of that port. It tells more than everybody should know: keep it off public networks.',
  },
  MESH_DRAIN_S: {
    default: '5',
    description: 'Over how many seconds clients are sent elsewhere at a stop, from 0 to 300.',
  },
  MESH_KEY_ROTATION_DAYS: {
    default: '30',
    description: 'After how many days the next signing key takes over from the current one; 0 for only by hand.',
  },
  MESH_LIMITS: {
    default: '{}',
    description: 'A JSON object that replaces some of the default limits.',
  },
} as const satisfies Record<string, Omit<Setting, 'name'>>

/** The name of a setting. */
export type SettingName = keyof typeof table

/** Every setting there is, in the order to document them in. */
export const settings: readonly (Setting & { name: SettingName })[] = (Object.keys(table) as SettingName[]).map(
  (name) => ({
    name,
    ...table[name],
  }),
)

// Each message completes the sentence "<name> must be ...". None has the value: it may hold a password, or be in the wrong place.
const hostOr = (otherwise: string) =>
  v.pipe(
    v.optional(v.string(), otherwise),
    v.transform((text) => text.replace(/^\[(.*)\]$/, '$1')),
    v.check((text) => isIP(text) !== 0 || isHostName(text), 'a host name or an IP address, without scheme and port'),
  )

const kubernetes =
  'a port number from 0 to 65535 (Kubernetes sets it so for a service named mesh: set it in the pod, or enableServiceLinks: false)'

const portNumber = v.pipe(
  v.string(),
  v.check((text) => !/^(tcp|udp):\/\//.test(text), kubernetes),
  v.check((text) => /^\d{1,5}$/.test(text) && Number(text) <= 65_535, 'a port number from 0 to 65535'),
  v.transform(Number),
)

const publicUrl = v.optional(
  v.pipe(
    v.string(),
    v.check(isPlainUrl, 'an http or https URL without user, query and fragment'),
    v.transform((text) => new URL(text).href.replace(/\/+$/, '')),
  ),
)

const originList =
  'a comma-separated list of exact origins such as https://app.example.org (no path, no wildcard, not null)'

const list = v.pipe(
  v.optional(v.string(), ''),
  v.transform((text) =>
    text
      .split(',')
      .map((entry) => entry.trim())
      .filter(Boolean),
  ),
)

const trustedProxies = v.pipe(
  list,
  v.check(
    (entries) => entries.every(isNetwork),
    'a comma-separated list of IP addresses and networks such as 10.0.0.0/8',
  ),
)

const allowedOrigins = v.pipe(
  list,
  v.check((entries) => entries.every((entry) => normalizeOrigin(entry) !== undefined), originList),
  v.transform((entries) => [...new Set(entries.map((entry) => normalizeOrigin(entry) ?? entry))]),
)

const turnUrls = v.pipe(
  list,
  v.check(
    (urls) => urls.every(isIceUrl),
    'a comma-separated list of stun:, stuns:, turn: and turns: URLs such as turn:turn.example.org:3478?transport=udp',
  ),
)

const flag = v.pipe(
  v.optional(v.picklist(['true', 'false'], 'true or false'), 'false'),
  v.transform((text) => text === 'true'),
)

const drainSeconds = v.pipe(
  v.optional(v.string(), table.MESH_DRAIN_S.default),
  v.check((text) => /^\d{1,3}$/.test(text) && Number(text) <= 300, 'a whole number of seconds from 0 to 300'),
  v.transform(Number),
)

const keyRotationDays = v.pipe(
  v.optional(v.string(), table.MESH_KEY_ROTATION_DAYS.default),
  v.check((text) => /^\d{1,4}$/.test(text), 'a whole number of days, or 0'),
  v.transform(Number),
)

const limits = v.pipe(
  v.optional(v.string(), table.MESH_LIMITS.default),
  v.rawTransform(({ dataset, addIssue, NEVER }) => {
    const value = parseObject(dataset.value)
    if (value) return value
    addIssue({ message: 'a JSON object' })
    return NEVER
  }),
)

const databaseUrl = v.optional(
  v.pipe(
    v.string(),
    v.check(
      (text) => (isPostgresUrl(text) ? URL.canParse(text) : isFile(text)),
      'postgres://user:password@host/database (special characters in the password %-encoded), or a SQLite file: sqlite: and a path, or just a path',
    ),
  ),
)

const redisUrl = v.optional(
  v.pipe(
    v.string(),
    v.check(
      isRedisUrl,
      'redis://user:password@host:6379, or rediss:// for TLS (special characters in the password %-encoded)',
    ),
  ),
)

/** The settings as strings, checked and converted; paths are still as written. */
export const settingsSchema = v.object({
  MESH_HOST: hostOr(table.MESH_HOST.default),
  MESH_PORT: v.optional(portNumber, table.MESH_PORT.default),
  MESH_DATA_DIR: v.optional(v.string(), table.MESH_DATA_DIR.default),
  MESH_DATABASE_URL: databaseUrl,
  MESH_REDIS_URL: redisUrl,
  MESH_KEYS_DIR: v.optional(v.string()),
  MESH_PUBLIC_URL: publicUrl,
  MESH_ALLOWED_ORIGINS: allowedOrigins,
  MESH_TRUSTED_PROXIES: trustedProxies,
  MESH_TURN_URLS: turnUrls,
  MESH_TURN_SECRET: v.optional(v.string()),
  MESH_TURN_GUESTS: flag,
  MESH_GOTIFY_URL: publicUrl,
  MESH_WEBHOOK_URL: v.optional(
    v.pipe(
      v.string(),
      v.check((text) => /^https?:\/\//i.test(text) && URL.canParse(text), 'an http or https URL'),
    ),
  ),
  MESH_WEBHOOK_SECRET: v.optional(v.pipe(v.string(), v.minLength(24, 'at least 24 characters long'))),
  MESH_BOOTSTRAP_ADMIN: v.optional(v.string()),
  MESH_BOOTSTRAP_PASSWORD: v.optional(v.string()),
  MESH_LOG_LEVEL: v.optional(v.picklist(logLevels, `one of ${logLevels.join(', ')}`), table.MESH_LOG_LEVEL.default),
  MESH_METRICS_PORT: v.optional(portNumber),
  MESH_METRICS_HOST: hostOr(table.MESH_METRICS_HOST.default),
  MESH_DRAIN_S: drainSeconds,
  MESH_KEY_ROTATION_DAYS: keyRotationDays,
  MESH_LIMITS: limits,
} satisfies Record<SettingName, v.GenericSchema<string | undefined, unknown>>)

/** Whether a database setting means a PostgreSQL server. */
export function isPostgresUrl(url: string): boolean {
  return /^postgres(ql)?:/i.test(url)
}

/** The path in a database setting (`sqlite:path`, `sqlite:///path`, `path`), as written. */
export function databasePath(url: string): string {
  return url.replace(/^sqlite:(\/\/)?/i, '')
}

function isFile(url: string): boolean {
  const path = databasePath(url)
  // One letter before the colon is a drive; SQLite would take parameters and :memory:, but no restart would find the data.
  return path !== '' && !/^[a-z][a-z\d+.-]+:/i.test(path) && !/[?#\0]|:memory:|[/\\]$/.test(path)
}

function isPlainUrl(text: string): boolean {
  if (!URL.canParse(text) || !/^https?:\/\//i.test(text)) return false
  const url = new URL(text)
  return !url.username && !url.password && !text.includes('?') && !text.includes('#')
}

function parseObject(text: string): Record<string, unknown> | undefined {
  try {
    const value: unknown = JSON.parse(text)
    return typeof value === 'object' && value !== null && !Array.isArray(value) ? { ...value } : undefined
  } catch {
    return undefined
  }
}
