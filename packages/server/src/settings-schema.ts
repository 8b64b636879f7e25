import { isIP } from 'node:net'
import * as v from 'valibot'
import { isRedisUrl } from './bus/redis-client.ts'
import { isNetwork } from './client-address.ts'
import { isPostgresUrl, isSqliteFile } from './database-url.ts'
import { isHostName } from './host-name.ts'
import { normalizeOrigin } from './origin.ts'
import { logLevels, settingTable, type SettingName } from './settings.ts'
import { isIceUrl } from './turn.ts'
import { secretRule, signingKeyOf } from './webhook-secret.ts'

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
  v.optional(v.string(), settingTable.MESH_DRAIN_S.default),
  v.check((text) => /^\d{1,3}$/.test(text) && Number(text) <= 300, 'a whole number of seconds from 0 to 300'),
  v.transform(Number),
)

const keyRotationDays = v.pipe(
  v.optional(v.string(), settingTable.MESH_KEY_ROTATION_DAYS.default),
  v.check((text) => /^\d{1,4}$/.test(text), 'a whole number of days, or 0'),
  v.transform(Number),
)

const limits = v.pipe(
  v.optional(v.string(), settingTable.MESH_LIMITS.default),
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
      (text) => (isPostgresUrl(text) ? URL.canParse(text) : isSqliteFile(text)),
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
  MESH_HOST: hostOr(settingTable.MESH_HOST.default),
  MESH_PORT: v.optional(portNumber, settingTable.MESH_PORT.default),
  MESH_DATA_DIR: v.optional(v.string(), settingTable.MESH_DATA_DIR.default),
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
  MESH_WEBHOOK_SECRET: v.optional(
    v.pipe(
      v.string(),
      v.check((text) => signingKeyOf(text) !== undefined, secretRule),
    ),
  ),
  MESH_BOOTSTRAP_ADMIN: v.optional(v.string()),
  MESH_BOOTSTRAP_PASSWORD: v.optional(v.string()),
  MESH_LOG_LEVEL: v.optional(
    v.picklist(logLevels, `one of ${logLevels.join(', ')}`),
    settingTable.MESH_LOG_LEVEL.default,
  ),
  MESH_METRICS_PORT: v.optional(portNumber),
  MESH_METRICS_HOST: hostOr(settingTable.MESH_METRICS_HOST.default),
  MESH_DRAIN_S: drainSeconds,
  MESH_KEY_ROTATION_DAYS: keyRotationDays,
  MESH_LIMITS: limits,
} satisfies Record<SettingName, v.GenericSchema<string | undefined, unknown>>)

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
