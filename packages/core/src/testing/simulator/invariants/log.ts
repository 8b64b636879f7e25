import type { EntryOf } from '../history.ts'
import type { Invariant, Violation } from './evidence.ts'
import { follow } from './terminals.ts'

/** The log of each room is gapless, and what is written there was written by somebody who was a member then. */
export const logIsSound: Invariant = ({ rooms, entries }) => {
  const at = entries.at(-1)?.at ?? 0
  const violations: Violation[] = []
  for (const [room_id, { events }] of rooms) {
    const members = new Set<unknown>()
    events.forEach((event, index) => {
      const { seq, type, payload } = event
      const accuse = (what: string) => violations.push({ invariant: 'logIsSound', at, what: `${room_id} ${what}` })
      if (seq !== index + 1) accuse(`has seq ${seq} in place ${index + 1}`)
      follow(members, event)
      if (type === 'chat.message.created' && !members.has(payload.user_id)) accuse(`seq ${seq} is of a stranger`)
    })
  }
  return violations
}

/** The `seq` of what is committed in a room rises by one each time, also where the room was deleted later. */
export const commitsAreGapless: Invariant = ({ entries }) => {
  const last = new Map<string, number>()
  return entries.flatMap((entry) => {
    if (entry.kind !== 'commit') return []
    const { room_id, seq, type } = entry.event
    const before = last.get(room_id)
    // The count of a missed call rises in its place.
    if (type === 'call.missed' && before !== undefined && seq <= before) return []
    last.set(room_id, seq)
    if (before === undefined || seq === before + 1) return []
    return [{ invariant: 'commitsAreGapless', at: entry.at, what: `${room_id} ${before} then ${seq}` }]
  })
}

/** An acknowledged message is in the log as it was sent, and a repeated id is there once. */
export const chatIsKept: Invariant = ({ entries, rooms }) => {
  const violations: Violation[] = []
  const requestOf = new Map<string, string>()
  for (const entry of entries) {
    if (entry.kind !== 'take' || entry.frame.type !== 'chat.message.send') continue
    requestOf.set(`${entry.frame.to} ${String(entry.frame.payload.text)}`, entry.frame.id)
  }
  const kept = new Map<string, string>()
  for (const [room_id, { events }] of rooms) {
    for (const { type, payload, seq } of events) {
      if (type !== 'chat.message.created') continue
      const request = requestOf.get(`${room_id} ${String(payload.text)}`) ?? ''
      if (kept.has(request)) {
        violations.push({ invariant: 'chatIsKept', at: 0, what: `${request} acted twice, seq ${seq} in ${room_id}` })
      }
      kept.set(request, `${room_id} ${seq} ${String(payload.message_id)}`)
    }
  }
  for (const { frame, at } of entries.filter(isAcknowledgement)) {
    const { message_id, seq } = frame.payload
    const said = `${frame.to} ${String(seq)} ${String(message_id)}`
    if (!rooms.has(frame.to) || kept.get(frame.reply_to ?? '') === said) continue
    violations.push({
      invariant: 'chatIsKept',
      at,
      what: `${frame.reply_to} was acknowledged as ${said}, which is not kept`,
    })
  }
  return violations
}

function isAcknowledgement(entry: { kind: string }): entry is EntryOf<'hand'> {
  const { kind, frame } = entry as EntryOf<'hand'>
  return kind === 'hand' && frame.type === 'chat.message.created' && frame.reply_to !== undefined
}

/** What one connection says arrives in the order in which it said it. */
export const chatIsInOrder: Invariant = ({ entries, rooms }) => {
  const takes = new Map<string, EntryOf<'take'>[]>()
  for (const entry of entries) {
    if (entry.kind !== 'take' || entry.frame.type !== 'chat.message.send') continue
    const text = `${entry.frame.to} ${String(entry.frame.payload.text)}`
    takes.set(text, [...(takes.get(text) ?? []), entry])
  }
  const violations: Violation[] = []
  for (const [room_id, { events }] of rooms) {
    const latest = new Map<number, EntryOf<'take'>>()
    for (const { type, payload, seq } of events) {
      if (type !== 'chat.message.created') continue
      const [take, again] = takes.get(`${room_id} ${String(payload.text)}`) ?? []
      // What was sent again has no one time at which it was said.
      if (!take || again) continue
      const before = latest.get(take.conn)
      if (before && entries.indexOf(before) > entries.indexOf(take)) {
        violations.push({ invariant: 'chatIsInOrder', at: take.at, what: `seq ${seq} of ${room_id} came too late` })
      }
      latest.set(take.conn, take)
    }
  }
  return violations
}
