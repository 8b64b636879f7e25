import type { Bus, DeliverySettings, Logger, Notifier, Storage } from '@mesh/core'
import type { HostRevalidate } from './auth/authentication.ts'
import type { HostAuthorize } from './auth/authorize.ts'
import type { HostAuthenticate } from './auth/host.ts'
import type { PasswordOptions } from './auth/passwords.ts'
import type { NotifierFactory } from './notifiers/tokens.ts'
import type { TurnOptions } from './turn.ts'
import type { WebhookOptions } from './webhook.ts'

/** How a Mesh is set up. `dataDir` is all that it must be told. */
export interface MeshServerOptions {
  /** Where the signing keys live, and the SQLite file unless there is another storage. Made if missing, mode 0700. */
  dataDir: string
  /** Where rooms, events and accounts are kept; a SQLite file in `dataDir` unless told. It is closed with the server. */
  storage?: Storage
  /** Where the signing keys live; `dataDir` unless told. Several nodes of one installation share them. */
  keysDir?: string | undefined
  /** Joins several nodes on one database, e.g. `await redis(url)`; it is closed with the server. Alone unless told. */
  bus?: Bus | undefined
  /** Where in the host's URLs Mesh lives, e.g. `/mesh`; REST is below it and the WebSocket at `<basePath>/ws`. */
  basePath?: string
  /** Where people reach the server, without a trailing slash: the issuer of tokens, and an allowed origin. */
  publicUrl?: string
  /** More origins whose pages may connect, each exactly as `scheme://host[:port]`. */
  allowedOrigins?: readonly string[]
  /** Whether the server listens on loopback only. Found out by `attach`; needed with `handleUpgrade` alone. */
  boundToLoopback?: () => boolean
  /** Addresses and networks (`10.0.0.0/8`) of proxies in front of Mesh, whose `X-Forwarded-For` is believed. */
  trustedProxies?: readonly string[]
  /** Who is behind a request, where the host application has its own users; `builtinUsers()` unless told. */
  authenticate?: HostAuthenticate
  /**
   * Asked a minute before the access of a connection ends whether the host still vouches for whom it let in; null ends the
   * connection. Without it the client brings another token, or comes back and is asked for its cookie then.
   */
  revalidate?: HostRevalidate
  /**
   * May overrule who may what: on making, joining, reading and changing a room, and for each capability that somebody
   * asks for. It is never asked about what goes on between those who are in a room.
   */
  authorize?: HostAuthorize
  /** What a password hash costs, and how many may wait for theirs. */
  passwords?: PasswordOptions
  /** What replaces default limits. */
  limits?: object
  /** After how many days the next signing key takes over by itself; 30 unless told, 0 for never. */
  keyRotationDays?: number
  /** More capability words, for the host's own purposes. */
  extraCaps?: readonly string[]
  /** The STUN and TURN servers that go with capabilities; without them calls are direct or not at all. */
  turn?: TurnOptions | undefined
  /** Tells people what happens while they are away, e.g. `gotify({ url })` of `@mesh/server/gotify`; nobody unless told. */
  notifier?: Notifier | NotifierFactory | undefined
  /** Services that hear of every durable event, signed. */
  webhooks?: readonly WebhookOptions[] | undefined
  /** How notifications and webhooks are timed and bounded, where it is not as by default. */
  deliveries?: Partial<DeliverySettings> | undefined
  logger?: Logger
}
