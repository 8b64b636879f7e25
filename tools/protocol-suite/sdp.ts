import { randomBytes } from 'node:crypto'

/** A certificate fingerprint as SDP writes it. */
export function fingerprint(): string {
  const bytes = [...randomBytes(32)].map((byte) => byte.toString(16).toUpperCase().padStart(2, '0'))
  return `sha-256 ${bytes.join(':')}`
}

/** The least that is a session description, with one media line of a kind; `extra` are more lines. */
export function sdp(media = 'audio', extra: readonly string[] = []): string {
  return bare(media, [`a=fingerprint:${fingerprint()}`, ...extra])
}

/** The same without a fingerprint. */
export function bare(media: string, extra: readonly string[] = []): string {
  const protocol = media === 'application' ? 'UDP/DTLS/SCTP webrtc-datachannel' : 'UDP/TLS/RTP/SAVPF 0'
  const head = ['v=0', 'o=- 1 1 IN IP4 127.0.0.1', 's=-', 't=0 0']
  return [...head, ...extra, `m=${media} 9 ${protocol}`, ''].join('\r\n')
}

/** A session description of exactly so many bytes. */
export function sdpOf(bytes: number): string {
  const lines: string[] = []
  // An `a=` line of 1,000 bytes with its line ending, as often as it fits, and one for the rest.
  for (let left = bytes - sdp().length; left > 0; left -= 1_000) {
    const size = left < 1_010 ? left : 1_000
    lines.push(`a=x:${'x'.repeat(size - 6)}`)
    if (size === left) break
  }
  return sdp('audio', lines)
}

/** A candidate as browsers make them. */
export const candidate = (index = 1): object => ({
  candidate: `candidate:${index} 1 udp 2122260223 192.0.2.1 ${50_000 + index} typ host`,
  sdpMid: '0',
  sdpMLineIndex: 0,
})

/** A fresh id as a caller makes it. */
export const rtcId = (): string => `rtc_${randomBytes(18).toString('base64url')}`
