import { MeshError } from './errors.ts'
import type { LimitClass } from './limits.ts'

/** A decoded frame of a client whose envelope is sound; the payload is judged against its schema later. */
export interface ClientFrame {
  type: string
  id: string
  timestamp: string
  from: string | undefined
  to: string
  reply_to: string | undefined
  payload: Readonly<Record<string, unknown>>
  /** The frame as it came. */
  text: string
  /** What its payload consists of, where that is worth knowing: see {@link passOn}. */
  contents: Contents | undefined
}

const instant =
  /^\d{4}-(0[1-9]|1[0-2])-(0[1-9]|[12]\d|3[01])T([01]\d|2[0-3]):[0-5]\d:[0-5]\d(\.\d{1,9})?(Z|[+-]([01]\d|2[0-3]):[0-5]\d)$/
const envelopeKeys = new Set(['type', 'id', 'timestamp', 'from', 'to', 'reply_to', 'payload'])

/**
 * Parses a client's frame and checks its envelope. What passes holds no NUL and no lone surrogate, so that every store
 * and every other client can take it, and is nested no deeper than `depth`.
 * @throws MeshError BAD_MESSAGE
 */
export function decode(text: string, depth: number): ClientFrame {
  if (!withinDepth(text, depth)) throw bad('depth')
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch {
    throw bad('json')
  }
  if (!isRecord(value)) throw bad('envelope')
  const { type, id, timestamp, from, to, reply_to, payload } = value
  if (typeof type !== 'string') throw bad('envelope', 'type')
  if (typeof id !== 'string' || !isUuid(id)) throw bad('envelope', 'id')
  if (typeof timestamp !== 'string' || !isInstant(timestamp)) throw bad('envelope', 'timestamp', id)
  if (typeof to !== 'string' || !isAddress(to)) throw bad('envelope', 'to', id)
  if (from !== undefined && typeof from !== 'string') throw bad('envelope', 'from', id)
  if (reply_to !== undefined && (typeof reply_to !== 'string' || !isUuid(reply_to)))
    throw bad('envelope', 'reply_to', id)
  if (!isRecord(payload)) throw bad('envelope', 'payload', id)
  for (const key in value) if (!envelopeKeys.has(key)) throw bad('unknown_field', undefined, id)
  // Only an escape can bring a NUL or a lone surrogate into a text that was decoded from UTF-8, and escapes are rare.
  // To look for one is slow in a long text, which is mostly a session description with an escape at each end of line.
  const contents = text.length > worthPassing || text.includes('\\u') ? contentsOf(payload) : undefined
  if (contents && !(contents.isClean && isCleanText(type))) throw bad('text', undefined, id)
  return { type, id, timestamp, from, to, reply_to, payload, text, contents }
}

// What every frame has is looked at by loops: on texts this short they are a good deal faster than regular expressions.

const isDigit = (c: number) => c >= 0x30 && c <= 0x39
const isHex = (c: number) => isDigit(c) || (c >= 0x61 && c <= 0x66) || (c >= 0x41 && c <= 0x46)

/** Whether a text is a UUID (RFC 9562) of any version. */
function isUuid(text: string): boolean {
  if (text.length !== 36) return false
  for (let i = 0; i < 36; i++) {
    const c = text.charCodeAt(i)
    if (i === 8 || i === 13 || i === 18 || i === 23 ? c !== 0x2d : !isHex(c)) return false
  }
  return true
}

/** Whether a text could be an id of any kind, or `server`: it needs no escaping wherever it is put. */
function isAddress(text: string): boolean {
  if (text.length === 0 || text.length > 80) return false
  for (let i = 0; i < text.length; i++) {
    const c = text.charCodeAt(i)
    if (!isDigit(c) && !(c >= 0x61 && c <= 0x7a) && !(c >= 0x41 && c <= 0x5a) && c !== 0x5f && c !== 0x2d) return false
  }
  return true
}

// As Date writes it; everything else that RFC 3339 allows is left to the expression.
const usual = 'dddd-dd-ddTdd:dd:dd.dddZ'

function isInstant(text: string): boolean {
  if (text.length !== usual.length) return instant.test(text)
  for (let i = 0; i < usual.length; i++) {
    const c = text.charCodeAt(i)
    const wanted = usual.charCodeAt(i)
    if (wanted === 0x64 ? !isDigit(c) : c !== wanted) return instant.test(text)
  }
  const two = (at: number) => text.charCodeAt(at) * 10 + text.charCodeAt(at + 1) - 528
  const [month, day] = [two(5), two(8)]
  return month > 0 && month < 13 && day > 0 && day < 32 && two(11) < 24 && two(14) < 60 && two(17) < 60
}

/** A BAD_MESSAGE that remembers the id of the frame, where it could be read, so that the answer can name it. */
class BadFrame extends MeshError {
  readonly id: string | undefined
  constructor(reason: string, path: string | undefined, id: string | undefined) {
    super('BAD_MESSAGE', undefined, path === undefined ? { reason } : { reason, path })
    this.id = id
  }
}

/** The id of the frame that an error of {@link decode} is about. */
export function idOf(error: unknown): string | undefined {
  return error instanceof BadFrame ? error.id : undefined
}

function bad(reason: string, path?: string, id?: string): BadFrame {
  return new BadFrame(reason, path, id)
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

/**
 * Whether JSON text nests at most `max` deep. JSON.parse takes any depth, slowly, and what it returns then overflows
 * JSON.stringify's stack; so this comes first. Exact scanning is kept for texts that have enough brackets to matter.
 */
function withinDepth(text: string, max: number): boolean {
  // A short text cannot nest deep enough to hurt, and its schema refuses it all the same.
  if (text.length < harmless || !hasMoreThan(text, max)) return true
  let depth = 0
  for (let i = 0; i < text.length; i++) {
    const c = text.charCodeAt(i)
    if (c === 0x22) {
      for (i++; i < text.length && text.charCodeAt(i) !== 0x22; i++) if (text.charCodeAt(i) === 0x5c) i++
    } else if (c === 0x5b || c === 0x7b) {
      if (++depth > max) return false
    } else if (c === 0x5d || c === 0x7d) depth--
  }
  return true
}

const harmless = 1_024

function hasMoreThan(text: string, max: number): boolean {
  let found = 0
  for (const bracket of ['{', '[']) {
    for (let at = text.indexOf(bracket); at !== -1; at = text.indexOf(bracket, at + 1)) if (++found > max) return true
  }
  return false
}

/** What a value consists of. */
interface Contents {
  /** Whether no text in it has a NUL or a lone surrogate. */
  isClean: boolean
  /** How long its names and texts are. */
  length: number
  /** How many quotes it has as JSON, its texts' own aside. */
  quotes: number
}

function contentsOf(value: unknown): Contents {
  const contents = { isClean: true, length: 0, quotes: 0 }
  addContents(value, contents)
  return contents
}

/** One walk finds out everything: in a long frame each costs as much as a check. */
function addContents(value: unknown, to: Contents): void {
  if (typeof value === 'string') {
    to.length += value.length
    to.quotes += 2
    if (!isCleanText(value)) to.isClean = false
  } else if (Array.isArray(value)) {
    for (const inner of value) addContents(inner, to)
  } else if (isRecord(value)) {
    // What JSON.parse made has no members but its own.
    for (const key in value) {
      addContents(key, to)
      addContents(value[key], to)
    }
  }
}

const isCleanText = (text: string) => text.isWellFormed() && !text.includes('\0')

/**
 * The bytes of a payload that its class limits: those of the field that the class is named after, otherwise those of the
 * whole payload without its `cap_token`. `frameBytes` is an upper bound that spares counting in the common case.
 */
export function exceeds(
  limit: number,
  limitClass: LimitClass,
  payload: ClientFrame['payload'],
  frameBytes: number,
): boolean {
  if (frameBytes <= limit) return false
  const counted = limited(limitClass, payload)
  // A UTF-16 unit is at most three bytes of UTF-8, so most texts need no encoding to be judged.
  if (counted.length > limit) return true
  return counted.length * 3 > limit && new TextEncoder().encode(counted).length > limit
}

function limited(limitClass: LimitClass, payload: ClientFrame['payload']): string {
  if (limitClass === 'sdp' && typeof payload.sdp === 'string') return payload.sdp
  if (limitClass === 'chat' && typeof payload.text === 'string') return payload.text
  if (limitClass === 'ice' && isRecord(payload.candidate) && typeof payload.candidate.candidate === 'string') {
    return payload.candidate.candidate
  }
  return JSON.stringify({ ...payload, cap_token: undefined })
}

/** What the server puts around a payload. All of it is free of characters that JSON would escape. */
export interface Head {
  type: string
  id: string
  timestamp: string
  from: string
  to: string
  reply_to?: string | undefined
}

/**
 * Writes a client's signal for its receivers: as it came, with its sender put in and what is for the server alone left out.
 * A long text is passed on as it is, which spares writing it anew, but only where it says what was checked and nothing
 * else: had it a key twice, another parser could take the one that was not looked at.
 */
export function passOn(frame: ClientFrame, from: string, payload: object): string {
  const { type, id, timestamp, to } = frame
  if (frame.text.length > worthPassing) {
    const passed = spliced(frame, from)
    if (passed !== undefined) return passed
  }
  return encode({ type, id, timestamp, from, to }, payload)
}

/** From here on copying a text is dearer than looking through it. */
const worthPassing = 1_024

function spliced(frame: ClientFrame, from: string): string | undefined {
  const { text, payload, contents } = frame
  if (!contents || text.charCodeAt(0) !== 0x7b || frame.from !== undefined || frame.reply_to !== undefined)
    return undefined
  // What says nothing is not passed on, or blanks and the digits of a zero would carry what no limit has counted. Line ends
  // are written with two characters, and lines are longer than that.
  if (text.length > framing + contents.length * 1.125) return undefined
  // Every member that parsing dropped has left at least its key behind, in quotes; so has every escaped quote, which is
  // why equality proves that nothing was dropped.
  if (countQuotes(text) !== envelopeQuotes + contents.quotes) return undefined
  const start = `{"from":"${from}",`
  const token = payload.cap_token
  if (token === undefined) return start + text.slice(1)
  // Looking for a few characters and then comparing beats looking for a name and a token of 500 characters.
  const at = text.indexOf(tokenName.slice(0, 5))
  const begin = at + tokenName.length
  const end = begin + String(token).length
  // Slices are compared by words, where startsWith goes from character to character.
  if (text.slice(at, begin) !== tokenName || text.slice(begin, end) !== token || text.charCodeAt(end) !== 0x22)
    return undefined
  if (text.charCodeAt(at - 1) === 0x2c) return start + text.slice(1, at - 1) + text.slice(end + 1)
  return text.charCodeAt(end + 1) === 0x2c ? start + text.slice(1, at) + text.slice(end + 2) : undefined
}

const tokenName = '"cap_token":"'

/** Those of `type`, `id`, `timestamp`, `to` with their values, and of `payload`. */
const envelopeQuotes = 18

function countQuotes(text: string): number {
  let found = 0
  for (let at = text.indexOf('"'); at !== -1; at = text.indexOf('"', at + 1)) found++
  return found
}

/** More than an envelope takes, and what is between the members of a payload. */
const framing = 512

/** Writes an event as the one text that all its receivers get. */
export function encode(head: Head, payload: object): string {
  return `${open(head)},"payload":${JSON.stringify(payload)}}`
}

/** Writes an error frame: code and message at the top, the details as payload. */
export function encodeError(head: Omit<Head, 'type'>, error: MeshError): string {
  const { code, message, retryable, details } = error
  return `${open({ ...head, type: 'error' })},"code":"${code}","message":${JSON.stringify(message)},"payload":${JSON.stringify({ ...details, retryable })}}`
}

function open({ type, id, timestamp, from, to, reply_to }: Head): string {
  const start = `{"type":"${type}","id":"${id}","timestamp":"${timestamp}","from":"${from}","to":"${to}"`
  return reply_to === undefined ? start : `${start},"reply_to":"${reply_to}"`
}
