/**
 * The STUN and TURN servers of an installation, by which peers find a path to each other. The media that goes through a
 * relay never touches Mesh: all that it does is to hand out credentials.
 */
export interface Turn {
  /** Where peers learn their own addresses: `stun:` and `stuns:` URLs (RFC 7064). They ask for no credentials. */
  readonly stunUrls: readonly string[]
  /** Where the relays are: `turn:` and `turns:` URLs (RFC 7065). */
  readonly turnUrls: readonly string[]
  /** How long credentials last, in seconds; at least as long as a capability token may live. */
  readonly ttlS: number
  /** Whether guests may use the relays. */
  readonly guests: boolean
  /**
   * Credentials of a user that end at an instant, in seconds since 1970. The name in them is always the same for the same
   * user, so that quotas hold, and does not tell who that is.
   */
  credentials(user_id: string, exp: number): { username: string; credential: string }
}
