import * as v from 'valibot'
import { field, notice, request } from '../define.ts'

const title = v.pipe(v.string(), v.minLength(1), v.maxLength(128))
const cells = v.optional(v.pipe(v.number(), v.safeInteger(), v.minValue(1), v.maxValue(1000)))

/** Sharing a terminal, and who controls it. What is typed and shown goes from peer to peer and never through here. */
export const terminalClientEvents = {
  'terminal.share.start': request({
    doc: 'Shares a terminal of this peer with the room. The title is one line.',
    to: 'room',
    room: 'joined',
    may: 'share',
    limit: 'terminal',
    once: 'peer',
    reply: 'terminal.share.started',
    payload: v.strictObject({ room_id: field.roomId, title, cols: cells, rows: cells }),
  }),
  'terminal.share.stop': request({
    doc: 'Ends a share, and the control of it. For the peer that shares it, and the owners of the room.',
    limit: 'terminal',
    once: true,
    reply: 'terminal.share.stopped',
    payload: v.strictObject({ terminal_id: field.terminalId }),
  }),
  'terminal.control.take': request({
    doc: "Asks for control, with a `terminal:control` capability for the terminal's host. CONFLICT with the `holder` while somebody else has it. With `force` a peer of the host's user takes it all the same; an owner of the room, without a capability, takes it away from the holder and is answered `terminal.control.released`.",
    limit: 'terminal',
    once: 'peer',
    reply: 'terminal.control.granted',
    payload: v.strictObject({
      terminal_id: field.terminalId,
      cap_token: v.optional(field.token),
      force: v.optional(v.boolean()),
    }),
  }),
  'terminal.control.renew': request({
    doc: 'Keeps control for another 15 s at most, with the fence of the grant and a live capability. Answered with the same fence, to the holder alone.',
    limit: 'terminal',
    once: 'peer',
    reply: 'terminal.control.granted',
    payload: v.strictObject({
      terminal_id: field.terminalId,
      fence: field.count,
      cap_token: v.optional(field.token),
    }),
  }),
  'terminal.control.release': request({
    doc: 'Gives control back; with a `fence`, only that of this grant.',
    limit: 'terminal',
    once: 'peer',
    reply: 'terminal.control.released',
    payload: v.strictObject({ terminal_id: field.terminalId, fence: v.optional(field.count) }),
  }),
}

export const terminalServerEvents = {
  'terminal.share.started': notice({
    doc: 'A peer shares a terminal. Durable.',
    payload: v.strictObject({
      terminal_id: field.terminalId,
      peer_id: field.peerId,
      user_id: field.userId,
      device_id: v.optional(field.deviceId),
      title,
      cols: cells,
      rows: cells,
      seq: field.count,
    }),
  }),
  'terminal.share.stopped': notice({
    doc: 'A terminal is no longer shared. Durable.',
    payload: v.strictObject({ terminal_id: field.terminalId, seq: field.count }),
  }),
  'terminal.control.granted': notice({
    doc: 'A peer controls the terminal until `expires_at`. A grant ends every earlier one: the host takes input from this peer alone, with exactly this fence, and only while the peer is in the room. Durable; a renewal (no `seq`, same fence) is told to the holder alone.',
    payload: v.strictObject({
      terminal_id: field.terminalId,
      peer_id: field.peerId,
      fence: field.count,
      expires_at: field.instant,
      seq: v.optional(field.count),
    }),
  }),
  'terminal.control.released': notice({
    doc: 'The grant with this fence is over. Durable, hence told once it is stored: a host must not wait for it when the holder is gone, but ends control on `room.left` of the holder.',
    payload: v.strictObject({
      terminal_id: field.terminalId,
      fence: field.count,
      reason: v.picklist(['released', 'expired', 'left', 'revoked', 'forced', 'stopped']),
      seq: field.count,
    }),
  }),
}
