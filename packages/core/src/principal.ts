/** Who somebody is, as the authentication found out. */
export interface Principal {
  user_id: string
  username: string
  /** The device, where an agent authenticated with its own key. */
  device_id?: string | undefined
  /** Thumbprint (RFC 7638) of the device's key, where it proved that it has it; its capability tokens are bound to it. */
  device_jkt?: string | undefined
  /** The login that the token belongs to; ending it ends every connection and capability made with it. */
  sid?: string | undefined
  /** The key that signed the access token; revoking it closes every connection that came in with it. */
  kid?: string | undefined
  /** May administer users. */
  admin?: boolean | undefined
  /** When the token was issued, milliseconds since 1970: none that is older takes its place. */
  issued_at?: number | undefined
  /** When to ask again, milliseconds since 1970. */
  expires_at?: number | undefined
  /** The network address that they come from, where it is known. */
  address?: string | undefined
  /** What the host application said of its own user, for its hooks to see again; never sent to anybody. */
  host?: object | undefined
  /** The access token that what they came with was exchanged for; told to this client alone, and not kept. */
  issued?: IssuedToken | undefined
}

/** An access token on its way to its owner. `expires_in` in seconds. */
export interface IssuedToken {
  readonly access_token: string
  readonly expires_in: number
}
