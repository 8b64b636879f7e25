/** What a session description must not do to get past the server; what is wrong with it as a constant word. */
export type SdpFault = 'sdp' | 'sdp_fingerprint' | 'sdp_crypto' | 'sdp_media'

const maxLines = 2_000
const maxLineLength = 4_096

/**
 * Checks a session description (RFC 8866) line by line without changing it: DTLS fingerprints must be sha-256 or stronger
 * (RFC 8122), no media key may pass the server (`a=crypto`, `k=`; RFC 8826 section 4.3), and the media lines must fit the
 * purpose, so that a token for a call opens no data channel.
 */
export function faultOf(sdp: string, purpose: string): SdpFault | undefined {
  if (!sdp.startsWith('v=0')) return 'sdp'
  const kinds = mediaFor(purpose)
  let fingerprints = 0
  let lines = 0
  let carriage = sdp.indexOf('\r')
  for (let start = 0; start < sdp.length;) {
    const newline = sdp.indexOf('\n', start)
    const end = newline === -1 ? sdp.length : newline
    if (++lines > maxLines || end - start > maxLineLength) return 'sdp'
    // To some parsers a bare CR ends a line as well, and would show them a line that was not looked at here.
    // It is looked for once past the last one found, not from every line to the end.
    if (carriage !== -1 && carriage < start) carriage = sdp.indexOf('\r', start)
    if (carriage !== -1 && carriage < end - 1) return 'sdp'
    // Only these three kinds of line matter, and the first two characters tell them from the hundred others.
    const kind = sdp.charCodeAt(start)
    if (sdp.charCodeAt(start + 1) !== 0x3d) {
      if (end - start > 1 || (end - start === 1 && sdp[start] !== '\r')) return 'sdp'
    } else if (kind === 0x6b) return 'sdp_crypto'
    else if (kind === 0x6d) {
      const media = sdp.slice(start + 2, sdp.indexOf(' ', start))
      if (kinds && !kinds.includes(media)) return 'sdp_media'
    } else if (kind === 0x61) {
      // Most lines are attributes, and the next character tells these two from most others.
      const name = sdp.charCodeAt(start + 2)
      if (name === 0x63 && sdp.startsWith('a=crypto:', start)) return 'sdp_crypto'
      if (name === 0x66 && sdp.startsWith('a=fingerprint:', start)) {
        if (!/^sha-(256|384|512) [0-9A-F]{2}(:[0-9A-F]{2}){31,63}\s*$/i.test(sdp.slice(start + 14, end)))
          return 'sdp_fingerprint'
        fingerprints++
      }
    }
    start = end + 1
  }
  return fingerprints > 0 ? undefined : 'sdp_fingerprint'
}

/**
 * Whether an ICE candidate (RFC 8839) is that of a relay, or the mark of their end. Any other shows an address of its
 * sender.
 */
export function isRelayed(candidate: string): boolean {
  return candidate === '' || /^candidate:(\S+ ){6}typ relay( |$)/.test(candidate)
}

/** Whether a session description holds no candidate but those of relays. */
export function isRelayedOnly(sdp: string): boolean {
  const lines = sdp.split(/\r?\n/).filter((line) => line.startsWith('a=candidate:'))
  return lines.every((line) => isRelayed(line.slice(2)))
}

/** The media that a purpose may carry; a host application's own words may carry any. */
function mediaFor(purpose: string): readonly string[] | undefined {
  if (purpose === 'call' || purpose === 'screen') return ['audio', 'video']
  if (purpose.startsWith('share:') || purpose.startsWith('terminal:')) return ['application']
  return undefined
}
