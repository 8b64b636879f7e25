import {
  field,
  inviteCode,
  type AttemptKind,
  type ErrorCode,
  type Keyring,
  type LimitClass,
  type Mesh,
  type Principal,
  type Storage,
  type Tally,
  type AuditAction,
  type AuditEvent,
} from '@mesh/core'
import type * as v from 'valibot'
import type { Accounts } from '../auth/accounts.ts'
import type { Revoke } from '../auth/revoke.ts'
import type { HostTokens } from '../auth/tokens.ts'
import type { Attempts } from '../auth/attempts.ts'
import type { Setup } from '../auth/setup.ts'
import type { Devices } from '../auth/devices.ts'
import type { WallClock } from '../wall-clock.ts'

/** The machine-readable descriptions of what a server speaks. */
export interface Documents {
  openapi(): Promise<Record<string, unknown>>
  asyncapi(): Promise<Record<string, unknown>>
}

/** What differs between one server's documents and another's. */
export interface Place {
  /** Where in the host's URLs Mesh lives, e.g. `/mesh`; empty where it has them for itself. */
  basePath: string
  /** Where people reach the server, where that is known. */
  publicUrl: string | undefined
}

/** What handlers of routes work with. */
export interface Services {
  mesh: Mesh
  storage: Storage
  clock: WallClock
  accounts: Accounts
  attempts: Attempts
  /** How calls ended: `<route> ok`, or the route and the code of the error. */
  calls: Tally<string>
  tokens: HostTokens
  revoke: Revoke
  setup: Setup
  devices: Devices
  capabilityKeys: Keyring
  issuer: string
  documents: Documents
}

/** Who may call: anybody, whoever has an access token, or administrators alone. */
export type Auth = 'none' | 'bearer' | 'admin'

/** What stands in paths: how it is written, and what is said of one that is not, just as of one that does not exist. */
export const pathParams = {
  room_id: { schema: field.roomId, missing: 'ROOM_NOT_FOUND' },
  user_id: { schema: field.userId, missing: 'NOT_FOUND' },
  invite_id: { schema: field.inviteId, missing: 'NOT_FOUND' },
  code: { schema: inviteCode, missing: 'NOT_FOUND' },
  device_id: { schema: field.deviceId, missing: 'NOT_FOUND' },
} as const satisfies Record<string, { schema: Schema; missing: ErrorCode }>

/** The names of the parameters in a path, written `:name` there. */
export type ParamsOf<P extends string> = P extends `${string}:${infer Name}/${infer Rest}`
  ? Name | ParamsOf<Rest>
  : P extends `${string}:${infer Name}`
    ? Name
    : never

/** What a call brings, all of it judged already. */
export interface Call<P extends string, A extends Auth, Q, B> {
  readonly app: Services
  readonly principal: A extends 'none' ? undefined : Principal
  readonly params: Readonly<Record<ParamsOf<P>, string>>
  readonly query: Q
  readonly body: B
  /**
   * Asks once more whether the caller may call, where something was made that outlives their access: what a revocation did
   * not find must not be left behind by a call that was under way. @throws MeshError AUTH_*, ACCESS_DENIED
   */
  readonly confirm: () => Promise<void>
  /** The network that the caller's address belongs to, for limits; undefined where nobody knows. */
  readonly network: string | undefined
}

type Schema = v.GenericSchema
type MaybeSchema = Schema | undefined
type Output<S, Otherwise> = S extends Schema ? v.InferOutput<S> : Otherwise

/** One route, exactly typed; {@link Route} is any of them. */
export interface Definition<
  P extends string,
  A extends Auth,
  Q extends MaybeSchema,
  B extends MaybeSchema,
  R extends MaybeSchema,
> {
  readonly method: 'get' | 'post' | 'put' | 'patch' | 'delete'
  /** Parameters are written `:name`, each by a name of {@link pathParams}. */
  readonly path: ParamsOf<P> extends keyof typeof pathParams ? P : never
  /** What generated clients call it. */
  readonly name: string
  /** One sentence. */
  readonly summary: string
  readonly auth: A
  readonly query?: Q
  readonly body?: B
  /** What it answers with; nothing (204) where there is none. */
  readonly answer?: R
  readonly status?: 200 | 201
  /** The errors it may answer with besides those that follow from `auth`, `query`, `body` and the path. */
  readonly errors?: readonly ErrorCode[]
  /** The limit by network address that a call counts in before anything else is judged; one that ends well does not count. */
  readonly limit?: AttemptKind
  /** The class that a call counts in together with what the caller sends over sockets. */
  readonly class?: LimitClass
  /** Whether the route is there at all now; always unless told. Where not, a call is answered as on any unknown path. */
  readonly exists?: (app: Services) => Promise<boolean>
  /** What the audit log calls it, with what it is told when it went well; nothing where it returns nothing. */
  readonly audit?: {
    readonly action: AuditAction
    note?(
      call: Call<P, A, Output<Q, undefined>, Output<B, undefined>>,
      answer: Output<R, void>,
    ): Partial<AuditEvent> | undefined
  }
  /** How many seconds anybody may keep the answer; not at all unless told. */
  readonly maxAge?: number
  handle(call: Call<P, A, Output<Q, undefined>, Output<B, undefined>>): Output<R, void> | Promise<Output<R, void>>
}

/** A route of REST: one entry says all there is to know, and router, OpenAPI document and tests derive from it. */
export type Route = Definition<string, Auth, MaybeSchema, MaybeSchema, MaybeSchema>

/** Defines a route. Its handler returns what `answer` says, or does not compile. */
export function route<
  const P extends string,
  const A extends Auth,
  Q extends MaybeSchema = undefined,
  B extends MaybeSchema = undefined,
  R extends MaybeSchema = undefined,
>(definition: Definition<P, A, Q, B, R>): Definition<P, A, Q, B, R> {
  return definition
}

/** The parameters of a route's path. */
export function paramsOf({ path }: Pick<Route, 'path'>): (keyof typeof pathParams)[] {
  // The type of `path` in a definition lets no other name through.
  return [...path.matchAll(/:(\w+)/g)].map(([, name]) => name as keyof typeof pathParams)
}

/** The HTTP status of a route's success. */
export function statusOf({ status, answer }: Pick<Route, 'status' | 'answer'>): 200 | 201 | 204 {
  return answer ? (status ?? 200) : 204
}
