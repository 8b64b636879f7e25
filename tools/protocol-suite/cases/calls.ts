import assert from 'node:assert/strict'
import { rtcId, sdp } from '../sdp.ts'
import type { World } from '../world.ts'
import type { Wire } from '../wire.ts'

/** How an offer is made. */
export interface Offer {
  purpose?: string
  media?: string
  token?: string
  rtc_id?: string
}

/** Offers without waiting; resolves with the rtc_id once the offer is on its way. */
export async function ring(t: World, from: Wire, to: string, room_id: string, offer: Offer = {}): Promise<string> {
  const { purpose = 'call', rtc_id = rtcId() } = offer
  const media = offer.media ?? (purpose === 'call' || purpose === 'screen' ? 'audio' : 'application')
  const cap_token = offer.token ?? (await t.grant(from, room_id, [purpose]))
  from.send('rtc.offer', to, { rtc_id, room_id, purpose, sdp: sdp(media), cap_token })
  return rtc_id
}

/** A session open between two peers. */
export async function open(t: World, a: Wire, b: Wire, room: string, offer: Offer = {}): Promise<string> {
  const rtc_id = await ring(t, a, b.peer_id, room, offer)
  await b.next((frame) => frame.type === 'rtc.offer' && frame.payload.rtc_id === rtc_id)
  const media = offer.purpose === undefined || offer.purpose === 'call' ? 'audio' : 'application'
  b.send('rtc.answer', a.peer_id, { rtc_id, sdp: sdp(media) })
  await a.next((frame) => frame.type === 'rtc.answer' && frame.payload.rtc_id === rtc_id)
  return rtc_id
}

/** The bye of a session, with one of these reasons. */
export async function bye(peer: Wire, rtc_id: string, ...reasons: string[]): Promise<void> {
  const frame = await peer.next(({ type, payload }) => type === 'rtc.bye' && payload.rtc_id === rtc_id)
  const reason = String(frame.payload.reason)
  assert.ok(reasons.includes(reason), `a bye with ${reasons.join(' or ')}, got ${reason}`)
}
