import { secretRule } from './webhook-secret.ts'

/** How much the log says, from everything to nothing. */
export type LogLevel = 'debug' | 'info' | 'warn' | 'error' | 'silent'

/** From the one that says most to none. */
export const logLevels = ['debug', 'info', 'warn', 'error', 'silent'] as const satisfies readonly LogLevel[]

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

/** The settings by name, with the literal types of their defaults. */
export const settingTable = {
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
    description: `With which what that service hears is signed: ${secretRule}.`,
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
export type SettingName = keyof typeof settingTable

/** Every setting there is, in the order to document them in. */
export const settings: readonly (Setting & { name: SettingName })[] = (Object.keys(settingTable) as SettingName[]).map(
  (name) => ({
    name,
    ...settingTable[name],
  }),
)
