import * as v from 'valibot'
import { field, notice, relay } from '../define.ts'

const sdp = v.pipe(v.string(), v.minLength(1), v.maxLength(65_536))
const reasons = [
  'hangup',
  'declined',
  'busy',
  'failed',
  'timeout',
  'completed',
  'answered_elsewhere',
  'revoked',
] as const

/** WebRTC signaling: offer and answer, trickled candidates, and goodbye. */
export const rtcClientEvents = {
  'rtc.offer': relay({
    doc: 'Opens a signaling session (new `rtc_id`, made by the caller) or renegotiates one. The token must hold the purpose; the media lines must fit it.',
    limit: 'sdp',
    payload: v.strictObject({
      rtc_id: field.rtcId,
      room_id: field.roomId,
      purpose: field.capability,
      sdp,
      cap_token: v.optional(field.token),
    }),
  }),
  'rtc.answer': relay({
    doc: 'Answers an offer. Of several peers of a called user the first answer wins.',
    limit: 'sdp',
    payload: v.strictObject({ rtc_id: field.rtcId, sdp }),
  }),
  'rtc.ice': relay({
    doc: "A candidate as the browser's RTCIceCandidateInit, or null at the end. The callee's are held back until it has answered.",
    limit: 'ice',
    payload: v.strictObject({
      rtc_id: field.rtcId,
      candidate: v.nullable(
        v.strictObject({
          candidate: v.pipe(v.string(), v.maxLength(1024)),
          sdpMid: v.optional(v.nullable(v.pipe(v.string(), v.maxLength(64)))),
          sdpMLineIndex: v.optional(v.nullable(v.pipe(v.number(), v.safeInteger(), v.minValue(0), v.maxValue(255)))),
          usernameFragment: v.optional(v.nullable(v.pipe(v.string(), v.maxLength(256)))),
        }),
      ),
    }),
  }),
  'rtc.bye': relay({
    doc: 'Ends a signaling session, or this end of it while it rings.',
    limit: 'other',
    payload: v.strictObject({ rtc_id: field.rtcId, reason: v.picklist(reasons) }),
  }),
}

export const rtcServerEvents = {
  'rtc.offer': notice({
    doc: 'Somebody calls, or renegotiates.',
    payload: v.strictObject({ rtc_id: field.rtcId, room_id: field.roomId, purpose: field.capability, sdp }),
  }),
  'rtc.answer': notice({
    doc: "The other end's answer.",
    payload: rtcClientEvents['rtc.answer'].payload,
  }),
  'rtc.ice': notice({
    doc: "The other end's candidate.",
    payload: rtcClientEvents['rtc.ice'].payload,
  }),
  'rtc.bye': notice({
    doc: 'The other end, or the server (`from` is `server`), ended it.',
    payload: rtcClientEvents['rtc.bye'].payload,
  }),
  'call.missed': notice({
    doc: 'A call that nobody took. Durable; one per pair and minute, with a count.',
    payload: v.strictObject({
      from_user_id: field.userId,
      to_user_id: field.userId,
      purpose: field.capability,
      count: field.count,
      seq: field.count,
    }),
  }),
}
