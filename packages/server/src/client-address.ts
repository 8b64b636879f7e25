import { BlockList, isIP, isIPv4, isIPv6 } from 'node:net'

/**
 * Says where a request comes from: the address at the other end of its socket, or, where that is a proxy we trust, the
 * one that the proxy saw. Undefined where the socket has none.
 */
export type ClientAddress = (socket: string | undefined, forwarded: string | null | undefined) => string | undefined

/**
 * Makes the rule. Of `X-Forwarded-For` it takes the rightmost address that is not a trusted proxy's itself: what stands
 * further left was written by whoever is not trusted, and says what they like.
 * @param trustedProxies addresses and networks (`10.0.0.0/8`, `fd00::/8`)
 * @throws TypeError for an entry that is neither
 */
export function createClientAddress(trustedProxies: readonly string[]): ClientAddress {
  const trusted = new BlockList()
  for (const entry of trustedProxies) {
    const { address, length, family } = parseNetwork(entry) ?? unfit()
    trusted.addSubnet(address, length, family)
  }
  const isTrusted = (address: string) => trusted.check(address, isIPv6(address) ? 'ipv6' : 'ipv4')

  return (socket, forwarded) => {
    let address = plain(socket ?? '')
    if (address === undefined) return undefined
    for (const hop of (forwarded ?? '').split(',').toReversed()) {
      if (!isTrusted(address)) break
      const before = plain(hop.trim())
      // From here on leftwards nothing can be read: the last address that somebody trusted vouches for is the answer.
      if (before === undefined) break
      address = before
    }
    return address
  }
}

/** Whether a text is an IP address, or a network in CIDR notation. */
export function isNetwork(text: string): boolean {
  return parseNetwork(text) !== undefined
}

function parseNetwork(text: string): { address: string; length: number; family: 'ipv4' | 'ipv6' } | undefined {
  const [, address = '', given] = /^([^/]+)(?:\/(\d{1,3}))?$/.exec(text) ?? []
  const bits = isIPv4(address) ? 32 : isIPv6(address) && !address.includes('%') ? 128 : 0
  const length = given === undefined ? bits : Number(given)
  return bits === 0 || length > bits ? undefined : { address, length, family: bits === 32 ? 'ipv4' : 'ipv6' }
}

/** An address without what proxies and systems put around it: brackets, a port, a zone, IPv4 in the clothes of IPv6. */
function plain(text: string): string | undefined {
  const bare = /^\[(.+)\](:\d+)?$/.exec(text)?.[1] ?? /^([\d.]+):\d+$/.exec(text)?.[1] ?? text
  const address = bare.replace(/%.*$/, '').replace(/^::ffff:(?=[\d.]+$)/i, '')
  return isIP(address) === 0 ? undefined : address
}

function unfit(): never {
  throw new TypeError('trustedProxies must be IP addresses and networks such as 10.0.0.0/8')
}
