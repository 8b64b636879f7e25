/** An address at which an agent may be reached. `type` is what ICE calls it (RFC 8445). */
export interface Candidate {
  host: string
  port: number
  type: 'host' | 'srflx' | 'prflx' | 'relay'
}

/** What of a room's policy candidates are held to. */
export interface CandidatePolicy {
  relay_only?: boolean
  allow_local?: boolean
}

/**
 * Whether a host is an IP address in its one canonical spelling: dotted decimals without leading zeros, or RFC 5952; no
 * name, no zone, no IPv4 address in the clothes of an IPv6 one (`::ffff:`). What has one spelling only cannot be
 * understood in another way by whoever dials it.
 */
export function isCanonicalHost(host: string): boolean {
  return bitsOf(host) !== undefined
}

/**
 * Why an agent must not be told to send packets to a candidate, as a constant word, or undefined: an address that another
 * names makes this machine knock there, behind its own firewall. Private networks are fine, or no two agents in one
 * office could meet; the machine itself is for rooms that say `allow_local`. Agents should ask this for every
 * candidate they are given, whatever the server has checked.
 */
export function refusalOf(
  { host, port, type }: Candidate,
  policy: CandidatePolicy,
): 'candidate' | 'relay_only' | undefined {
  const bits = bitsOf(host)
  // Below 1024 live the services that a stray datagram could hurt.
  if (!bits || port < 1024 || port > 65_535) return 'candidate'
  const range = ranges.find(({ prefix, size }) => bits.length === size && bits.startsWith(prefix))
  if (range && !(range.local && policy.allow_local)) return 'candidate'
  return policy.relay_only && type !== 'relay' ? 'relay_only' : undefined
}

/** Networks that lead nowhere, to everybody, or into the machine itself; the first one that holds an address decides. */
const ranges = [
  network('0.0.0.0', 8),
  network('127.0.0.0', 8, 'local'),
  network('169.254.0.0', 16, 'local'),
  network('224.0.0.0', 4),
  // Reserved, and with it 255.255.255.255.
  network('240.0.0.0', 4),
  network('::1', 128, 'local'),
  // Unspecified, and the IPv4 addresses that used to be written this way.
  network('::', 96),
  network('fe80::', 10, 'local'),
  network('ff00::', 8),
  // Translated to IPv4 (RFC 6052, RFC 8215); one of the above could hide there.
  network('64:ff9b::', 96),
  network('64:ff9b:1::', 48),
]

function network(address: string, length: number, local?: 'local') {
  const bits = bitsOf(address) ?? ''
  return { prefix: bits.slice(0, length), size: bits.length, local: local !== undefined }
}

/** An address as a text of 32 or 128 bits. */
function bitsOf(host: string): string | undefined {
  const isV6 = host.includes(':')
  const parts = isV6 ? groupsOf(host) : decimalsOf(host)
  return parts?.map((part) => part.toString(2).padStart(isV6 ? 16 : 8, '0')).join('')
}

function decimalsOf(host: string): number[] | undefined {
  if (!/^(0|[1-9]\d{0,2})(\.(0|[1-9]\d{0,2})){3}$/.test(host)) return undefined
  const decimals = host.split('.').map(Number)
  return decimals.every((decimal) => decimal <= 255) ? decimals : undefined
}

function groupsOf(host: string): number[] | undefined {
  if (!/^[0-9a-f:]{2,39}$/.test(host)) return undefined
  const [head = [], tail, ...more] = host.split('::').map((half) => (half === '' ? [] : half.split(':')))
  const missing = 8 - head.length - (tail?.length ?? 0)
  if (more.length > 0 || (tail ? missing < 1 : missing !== 0)) return undefined
  const groups = [...head, ...Array<string>(missing).fill('0'), ...(tail ?? [])].map((group) => parseInt(group, 16))
  if (groups.some((group) => group > 0xffff)) return undefined
  const isMapped = groups.slice(0, 5).every((group) => group === 0) && groups[5] === 0xffff
  // Written back it must be the same: that is what canonical means, and what leaves out empty groups.
  return !isMapped && textOf(groups) === host ? groups : undefined
}

/** RFC 5952 section 4: small letters, no leading zeros, the first of the longest runs of zeros as `::`. */
function textOf(groups: readonly number[]): string {
  let [start, length] = [0, 1]
  for (let at = 0; at < groups.length; at++) {
    let end = at
    while (groups[end] === 0) end++
    if (end - at > length) [start, length] = [at, end - at]
  }
  const hex = (part: readonly number[]) => part.map((group) => group.toString(16)).join(':')
  return length === 1 ? hex(groups) : `${hex(groups.slice(0, start))}::${hex(groups.slice(start + length))}`
}
