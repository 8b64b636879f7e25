/** One login of one user, which lives on through refreshes: the family of its refresh tokens. */
export interface Login {
  /** Session id as access and capability tokens carry it (`sid`). */
  sid: string
  user_id: string
  /** Authenticates the refresh tokens of this login, so that nobody ends it who only knows its id. Never leaves the server. */
  token_key: string
  /** SHA-256 of the refresh token that is good now, hex. */
  secret_hash: string
  /** The one that it took the place of, while that may still be shown again; null before the first refresh. */
  parent_hash: string | null
  /** How many times the secret was used, which every refresh token says of itself. */
  generation: number
  /** When this generation began. */
  rotated_at: number
  created_at: number
  expires_at: number
  revoked_at: number | null
}

/** A login as it begins. */
export type NewLogin = Pick<Login, 'sid' | 'user_id' | 'token_key' | 'secret_hash' | 'created_at' | 'expires_at'>

/** A refresh token that is shown, and what is to take its place. */
export interface Rotation {
  sid: string
  /** Of the token that is shown, which was once issued for this login: the caller has made sure. */
  secret_hash: string
  generation: number
  /** Of the next one, which is of the generation after. */
  next_hash: string
  now: number
  expires_at: number
  /** How long after a refresh the token that it used up may be shown again, in milliseconds, its answer being lost. */
  grace_ms: number
}

/** What became of a login. */
export type RotateResult = { outcome: 'rotated'; login: Login } | { outcome: 'superseded' | 'reused' | 'unknown' }

export interface LoginStore {
  create(login: NewLogin): Promise<void>
  find(sid: string): Promise<Login | undefined>
  /**
   * Uses up a refresh token, judged and changed in one step (RFC 9700 section 4.14.2, with room for a lost answer).
   *
   * - The current one, and until `grace_ms` after it came into being also the one before, gives its place to the next; the
   *   one before may do so only while its successor is the current one, neither used nor confirmed. That begins no new generation, and no
   *   new time.
   * - `superseded`: a successor that was replaced like this, within that time. Where several retry at once all but one are
   *   left with such a token; it is not good, and nothing happens.
   * - `reused`: one that is none of these. One of its two holders has stolen it, and the login is killed in the same step.
   * - `unknown`: no such login, revoked, expired, or its user is disabled.
   */
  rotate(rotation: Rotation): Promise<RotateResult>
  /** What came with the current generation has arrived: the secret before is not to be shown again, however early. */
  confirm(sid: string, generation: number): Promise<void>
  /** Ends a login, or every login of a user. Returns the ids of the logins that it ended. */
  revoke(which: { sid: string } | { user_id: string }, now: number): Promise<string[]>
}
