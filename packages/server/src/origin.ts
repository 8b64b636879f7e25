/** What `createOriginCheck` decides by. */
export interface OriginOptions {
  /** Where people reach this server; its origin is allowed. */
  publicUrl?: string
  /** More origins, each exactly as `scheme://host[:port]`. */
  allowedOrigins: readonly string[]
  /** Whether the server listens on a loopback address only. Asked at each check: before `listen` nobody knows. */
  boundToLoopback(): boolean
}

/**
 * The rule for the `Origin` header: exactly the public URL's or one on the list. Without a public URL a server that only
 * listens on loopback also takes pages of this machine, on any port. The `Host` header is never asked: with DNS rebinding a
 * foreign page chooses it. `null` (sandboxed frames, local files) is always refused.
 *
 * @throws TypeError for a public URL or a list entry that is none.
 */
export function createOriginCheck(options: OriginOptions): (origin: string) => boolean {
  const { publicUrl, allowedOrigins, boundToLoopback } = options
  const allowed = new Set(allowedOrigins.map(originOrThrow))
  if (publicUrl !== undefined) allowed.add(originOrThrow(new URL(publicUrl).origin))

  return (origin) => {
    const asked = normalizeOrigin(origin)
    if (asked === undefined) return false
    if (allowed.has(asked)) return true
    return publicUrl === undefined && isLoopbackOrigin(asked) && boundToLoopback()
  }
}

/**
 * An origin in the one spelling that compares (RFC 6454 §6.1): lower case, no default port. Undefined for anything that is
 * not exactly `scheme://host[:port]`: a path or a trailing slash, credentials, a wildcard, `null`. Schemes of application shells
 * (`tauri://localhost`) are fine.
 */
export function normalizeOrigin(text: string): string | undefined {
  if (!/^[a-z][a-z\d+.-]*:\/\/[^\s/\\?#@*,]+$/i.test(text) || !URL.canParse(text)) return undefined
  const url = new URL(text)
  return `${url.protocol}//${url.host.toLowerCase()}`
}

/** Whether a host name or address is one of this machine's own: `localhost`, `127.0.0.1`, `::1`. */
export function isLoopbackHost(host: string): boolean {
  return host === 'localhost' || host === '127.0.0.1' || host === '::1' || host === '[::1]'
}

function isLoopbackOrigin(origin: string): boolean {
  const { protocol, hostname } = new URL(origin)
  return (protocol === 'http:' || protocol === 'https:') && isLoopbackHost(hostname)
}

function originOrThrow(text: string): string {
  const origin = normalizeOrigin(text)
  if (origin === undefined) throw new TypeError(`Not an origin (scheme://host[:port]): ${text}`)
  return origin
}
