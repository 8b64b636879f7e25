/**
 * What of a network address one subscriber has, so that limits count subscribers: an IPv4 address whole, and of an IPv6
 * address its /64, in which a single machine may take any address it likes. Text that is no address stays as it is.
 */
export function networkOf(address: string): string {
  const [plain = ''] = address.toLowerCase().split('%')
  const mapped = /^::ffff:(\d+\.\d+\.\d+\.\d+)$/.exec(plain)?.[1]
  if (mapped) return mapped
  if (!/^[\da-f:]+:[\da-f:]*$/.test(plain)) return plain
  const [head = [], tail = []] = plain.split('::').map((half) => half.split(':').filter(Boolean))
  const missing = Math.max(0, 8 - head.length - tail.length)
  const groups = [...head, ...Array<string>(missing).fill('0'), ...tail].slice(0, 4)
  return `${groups.map((group) => parseInt(group, 16).toString(16)).join(':')}::/64`
}
