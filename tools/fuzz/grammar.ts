import { randomUUID } from 'node:crypto'
import { clientEvents, type ClientEvent } from '@mesh/core'
import { fill, type Choices, type Slot } from '@mesh/core/testing'
import fc from 'fast-check'
import { mutated } from './mutate.ts'
import { inherited } from './nasty.ts'
import type { Pool } from './pool.ts'
import type { Random } from './random.ts'

/** A message to be sent. */
export interface Message {
  text: string
  type: string
  /** Where nothing is wrong with the message. The answer may be an error all the same. */
  sound?: {
    id: string
    /** Whether it is answered before anything that is sent after it; what another peer has to decide on is not. */
    isAnswered: boolean
  }
}

/** What the scenario offers to aim at. */
export interface Aim {
  /** What this client has seen. */
  pool: Pool
  /** Ids and tokens of others, which it should not be able to use. */
  foreign: readonly string[]
  /** The latest frame of each area, to be reacted to: with its ids, to its sender. */
  contexts: Map<string, Context>
}

interface Context {
  from: string
  payload: object
}

// The table without its literal types: events are gone through by name here.
const table = new Map<string, ClientEvent>(Object.entries(clientEvents))
const names = [...table.keys()].filter((type) => type !== 'system.hello')

const fingerprint = Array(32).fill('AB').join(':')
const description = (media: string) =>
  `v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nt=0 0\r\na=fingerprint:sha-256 ${fingerprint}\r\nm=${media} 9 UDP/TLS/RTP/SAVPF 0\r\n`

/** What makes sense in fields that no id stands in. */
const sensible: Record<string, readonly (string | number)[]> = {
  sdp: [...Array(6).fill(description('audio')), description('application')],
  fingerprint: [`sha-256 ${fingerprint}`],
  purpose: [...Array(6).fill('call'), 'screen', 'share:file', 'terminal:control'],
  caps: ['call', 'screen', 'share:file', 'share:folder', 'terminal:view', 'terminal:control'],
  host: ['192.0.2.7', '10.1.2.3', '2001:db8::7', '127.0.0.1', 'fe80::1', '::ffff:7f00:1', '0x7f.1'],
  port: [40_000, 1, 65_535],
  text: ['Hello', 'a\tb\n', '\u{1f600}', '\u202egnp.exe', '<script>'],
}

/** Makes messages of the protocol by its table: sound ones, and a share of wrong ones. */
export function createGrammar(random: Random, wrong = 0.65) {
  const choices = (aim: Aim, context?: Context): Choices => ({
    has: () => random.chance(0.5),
    isNull: () => random.chance(0.2),
    flag: () => random.chance(0.5),
    length: ({ min, max }) => Math.min(max, min + random.below(4)),
    pick: (_slot, options) => random.pick(options),
    text: (slot) => String(known(slot, aim, context) ?? written(random, slot)),
    number(slot) {
      const found = known(slot, aim, context)
      return typeof found === 'number' ? found : Math.min(slot.max, slot.min + random.pick([0, 1, 9, 400, 1e9]))
    },
  })

  function known({ key, pattern }: Slot, { pool }: Aim, context: Context | undefined): string | number | undefined {
    const own = context ? Object.entries(context.payload).find(([name]) => name === key)?.[1] : undefined
    if (typeof own === 'string' && random.chance(0.8)) return own
    if (random.chance(0.05)) return undefined
    const usual = sensible[key]
    if (usual) return random.pick(usual)
    const seen = pool.of(key).filter((value) => pattern?.test(String(value)) ?? true)
    // The latest token, or the latest session, is the one that still lives.
    return random.chance(0.5) || seen.length === 0 ? seen.at(-1) : random.pick(seen)
  }

  function addressed({ to }: ClientEvent, { pool }: Aim, context: Context | undefined): string {
    if (to === 'server') return 'server'
    if (to !== 'room' && context && context.from !== 'server' && random.chance(0.8)) return context.from
    const ends = ['peer_id', 'peer_id', 'device_id']
    const kinds = to === 'room' ? ['room_id'] : to === 'agent' ? ends : [...ends, 'user_id']
    const options = kinds.flatMap(pool.of)
    return options.length > 0 ? String(random.pick(options)) : 'server'
  }

  function sound(type: string, event: ClientEvent, aim: Aim) {
    const context = random.chance(0.6) ? aim.contexts.get(areaOf(type)) : undefined
    // A schema of the table is a closed object.
    const payload = fill(event.payload, choices(aim, context)) as Record<string, unknown>
    const to = addressed(event, aim, context)
    return { type, id: randomUUID(), timestamp: new Date().toISOString(), to, payload }
  }

  return {
    /** A hello, wrong more often than not. */
    hello(token: string): Message {
      const event = clientEvents['system.hello']
      const aim: Aim = { pool: { learn() {}, of: () => [token] }, foreign: [token], contexts: new Map() }
      return { type: 'system.hello', text: mutated(random, sound('system.hello', event, aim), [token]) }
    },

    next(aim: Aim): Message {
      const picked = random.pick(names)
      // Whoever leaves first can do little else.
      const type = picked === 'room.leave' && random.chance(0.9) ? 'room.join' : picked
      const event = table.get(type)
      if (!event) throw new TypeError(type)
      const envelope = sound(type, event, aim)
      if (!random.chance(wrong)) {
        return {
          type,
          text: JSON.stringify(envelope),
          sound: { id: envelope.id, isAnswered: event.reply !== null && event.to !== 'agent' },
        }
      }
      const forged = random.pick([
        {},
        {},
        {},
        { from: random.pick([...aim.pool.of('peer_id'), 'server', '']) },
        { reply_to: random.pick([randomUUID(), 'x', null]) },
        { type: random.pick([...inherited, type.toUpperCase(), `${type} `, 'room.joined', 'error', 'system.hello']) },
        { to: random.pick([...aim.foreign, ...inherited, '']) },
        { timestamp: random.pick(['0000-00-00T00:00:00Z', '2026-01-01T00:00:00.0000000000000Z', '"']) },
      ])
      return { type, text: mutated(random, { ...envelope, ...forged }, aim.foreign) }
    },
  }
}

/** The area of an event: what stands before the first dot. */
export function areaOf(type: string): string {
  return type.slice(0, type.indexOf('.'))
}

const samples = new Map<string, readonly string[]>()

function written(random: Random, { pattern, min, max }: Slot): string {
  if (!pattern) return 'x'.repeat(Math.min(max, min + random.below(12)))
  const made =
    samples.get(pattern.source) ?? fc.sample(fc.stringMatching(pattern), { seed: random.below(2 ** 31), numRuns: 16 })
  samples.set(pattern.source, made)
  return random.pick(made.filter((text) => text.length <= max))
}
