import { randomBytes, randomInt } from 'node:crypto'
import { clientEvents, type ClientEvent, type Limits } from '@mesh/core'
import { fill, type Choices, type Slot } from '@mesh/core/testing'

// The table without its literal types: events are gone through by name here.
const table = new Map<string, ClientEvent>(Object.entries(clientEvents))
table.delete('system.hello')

/** Every event that somebody who is welcome may send. */
export const eventTypes = [...table.keys()]

/** The event of a name. @throws TypeError for one that there is not */
export function eventOf(type: string): ClientEvent {
  const event = table.get(type)
  if (!event) throw new TypeError(type)
  return event
}

/** Text that carries as much as it is long: three bytes in four characters. */
const data = (length: number) =>
  randomBytes(Math.ceil(length * 0.75))
    .toString('base64url')
    .slice(0, length)

const hex = (bytes: number) => randomBytes(bytes).toString('hex').toUpperCase().match(/../g)?.join(':') ?? ''

/** A session description that passes, and is data for the rest. */
function description(length: number, media: string): string {
  let sdp = `v=0\r\na=fingerprint:sha-256 ${hex(32)}\r\nm=${media} 9 UDP/TLS/RTP/SAVPF 0\r\n`
  while (length - sdp.length > 4) sdp += `a=${data(Math.min(4_000, length - sdp.length - 4))}\r\n`
  return sdp
}

/** A session description that passes, and no more. */
export const smallDescription = description(0, 'audio')

/** A global IPv6 address in its canonical spelling: no group begins with a zero, so none is shortened. */
const address = () =>
  `2a00:${Array.from({ length: 7 }, () => (0x1000 + (randomBytes(2).readUInt16BE() % 0xefff)).toString(16)).join(':')}`

/** What is known of the state by the names of fields: ids of open sessions, tokens. */
export type Known = ReadonlyMap<string, unknown>

/** Numbers that are looked at more closely than the schema does. */
const numbers: Record<string, () => number> = { size: () => randomInt(2 ** 30), port: () => 1_024 + randomInt(60_000) }

/** The payload of an event with the most data in it that its schema and its class let through. */
export function fullPayload(type: string, known: Known, limits: Limits): Record<string, unknown> {
  const { limit, payload } = eventOf(type)
  const { bytes } = limits.classes[limit]
  const media = type.startsWith('rtc.') ? 'audio' : 'application'
  // Envelope, token and description share one frame.
  const largest: Record<string, (slot: Slot) => string> = {
    sdp: ({ max }) => description(Math.min(max, bytes), media),
    text: ({ max }) => data(Math.min(max, bytes)),
    host: address,
    caps: () => 'call',
    fingerprint: () => `sha-256 ${hex(32)}`,
  }
  const choices = (room: number): Choices => ({
    has: ({ key }) => key !== 'force' && (known.has(key) || !key.endsWith('_id')),
    isNull: () => false,
    flag: () => true,
    length: ({ max, min }) => Math.max(min, Math.min(max, room)),
    number: ({ key, min, max }) =>
      Number(known.get(key) ?? numbers[key]?.() ?? min + randomInt(Math.min(max - min, 2 ** 47))),
    text: (slot) => (known.has(slot.key) ? String(known.get(slot.key)) : (largest[slot.key]?.(slot) ?? free(slot))),
    pick: ({ key }, options) =>
      options.find((option) => option === known.get(key)) ?? (options[0] as (typeof options)[number]),
  })
  // Arrays are made as long as the class lets them be.
  for (let room = 16; room > 0; room--) {
    const made = fill(payload, choices(room)) as Record<string, unknown>
    if (countedByField.has(limit) || JSON.stringify({ ...made, cap_token: undefined }).length <= bytes) return made
  }
  throw new TypeError(`Nothing of ${type} fits its class`)
}

// Of these the class bounds one field and not the whole payload.
const countedByField = new Set(['sdp', 'chat', 'ice'])

/** As much as a pattern lets through. */
function free({ key, min, max, pattern }: Slot): string {
  const length = Math.max(min, Math.min(max, 1_024))
  const kind = /^\^([a-z0-9]+_)\[/.exec(pattern?.source ?? '')?.[1]
  const tries = [data(length), `${kind ?? ''}${data(64)}`, `a/${data(length - 2)}`]
  const fitting = tries.find((text) => !pattern || pattern.test(text))
  if (fitting === undefined) throw new TypeError(`The cheat does not know what to write into ${key}`)
  return fitting
}

/**
 * Paces a sender to the last event that is allowed: a copy of the buckets that the contract describes, filled a trifle more
 * slowly, since being cut off costs more than it brings.
 */
export function createPace(limits: Limits, now: () => number) {
  const buckets = new Map<string, { level: number; at: number }>()
  function level(name: string, { burst, per_s }: { burst: number; per_s: number }) {
    const bucket = buckets.get(name) ?? { level: burst, at: now() }
    bucket.level = Math.min(burst, bucket.level + ((now() - bucket.at) / 1000) * per_s * 0.999)
    bucket.at = now()
    buckets.set(name, bucket)
    return bucket
  }
  return {
    /** Whether an event of this type may be sent now, were it not for its bytes. */
    isDue(type: string): boolean {
      const { limit } = eventOf(type)
      return level(limit, limits.classes[limit]).level >= 1 && level('frames', limits.frames).level >= 1
    },
    /** Whether an event of so many bytes may be sent now; then it counts. */
    take(type: string, bytes: number): boolean {
      const isAllowed = this.isDue(type) && level('bytes', limits.bytes).level >= bytes
      if (isAllowed) this.spend(type, bytes)
      return isAllowed
    },
    /** Counts an event that is sent in any case. */
    spend(type: string, bytes: number): void {
      const { limit } = eventOf(type)
      level('bytes', limits.bytes).level -= bytes
      level(limit, limits.classes[limit]).level -= 1
      level('frames', limits.frames).level -= 1
    },
  }
}
