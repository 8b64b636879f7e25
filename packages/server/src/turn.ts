import { createHmac } from 'node:crypto'
import { isIPv4, isIPv6 } from 'node:net'
import type { Turn } from '@mesh/core'
import { isHostName } from './host-name.ts'

/** The STUN and TURN servers that peers are told of. */
export interface TurnOptions {
  /** `stun:`, `stuns:`, `turn:` and `turns:` URLs, e.g. `turn:turn.example.org:3478?transport=udp`. */
  urls: readonly string[]
  /** What the TURN servers know as `static-auth-secret`; needed where there is a TURN URL. */
  secret?: string | undefined
  /** How long credentials last, in seconds: 180 to 86,400, 600 unless told. They cannot be recalled, so short is good. */
  ttlS?: number | undefined
  /** Whether guests of a room may use the relays; not unless told, since a relay is a way into the network it stands in. */
  guests?: boolean | undefined
}

/** How long credentials last, in seconds. */
const lifeS = { min: 180, default: 600, max: 86_400 } as const

/**
 * TURN servers with the REST API of coturn (`use-auth-secret`): a user name is the end of its life and who it is for, its
 * password the HMAC-SHA1 of that. The TURN server needs no word from us, and cannot be told to forget one.
 * @throws Error with one sentence when an option cannot be used; never with its value
 */
export function createTurn({ urls, secret, ttlS = lifeS.default, guests = false }: TurnOptions): Turn {
  if (!urls.every(isIceUrl)) throw new Error('turn.urls must be stun:, stuns:, turn: or turns: URLs.')
  if (!secret && urls.some(isTurnUrl)) throw new Error('turn.secret is needed where there is a turn: or turns: URL.')
  if (!Number.isSafeInteger(ttlS) || ttlS < lifeS.min || ttlS > lifeS.max) {
    throw new Error(`turn.ttlS must be a number of seconds from ${lifeS.min} to ${lifeS.max}.`)
  }
  const hmac = (algorithm: 'sha1' | 'sha256', text: string) => createHmac(algorithm, secret ?? '').update(text)
  return {
    stunUrls: urls.filter((url) => !isTurnUrl(url)),
    turnUrls: urls.filter(isTurnUrl),
    ttlS,
    guests,
    credentials(user_id, exp) {
      // Always the same for a user, or a quota could be got around by asking again; and nothing that coturn's logs give away.
      const pseudonym = hmac('sha256', `mesh turn user ${user_id}`).digest('base64url').slice(0, 22)
      const username = `${exp}:${pseudonym}`
      return { username, credential: hmac('sha1', username).digest('base64') }
    },
  }
}

/** Whether a text is the URL of a STUN server (RFC 7064) or a TURN server (RFC 7065). */
export function isIceUrl(text: string): boolean {
  const [, scheme = '', host = '', port, transport] =
    /^(stuns?|turns?):(\[[\da-f:.]+\]|[^[\]:/?#@]+)(?::(\d{1,5}))?(\?transport=(?:udp|tcp))?$/i.exec(text) ?? []
  if (scheme.startsWith('s') && transport !== undefined) return false
  if (port !== undefined && (Number(port) === 0 || Number(port) > 65_535)) return false
  return host.startsWith('[') ? isIPv6(host.slice(1, -1)) : isIPv4(host) || isHostName(host)
}

/** Whether a URL is that of a relay, which asks for credentials. */
export function isTurnUrl(url: string): boolean {
  return /^turns?:/i.test(url)
}
