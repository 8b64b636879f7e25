import type { Wire } from './history.ts'
import type { World } from './world.ts'

/** A signaling session as one end knows it. */
export interface CallView {
  readonly rtc_id: string
  readonly room_id: string
  readonly purpose: string
  /** Whom this end's signals go to: what it addressed, or who called. */
  readonly to: string
  /** How many candidates this end has sent. */
  candidates: number
  /** Whether it has been answered: only then either end offers again. */
  isOpen: boolean
}

/** The calls that one client has part in, as far as it knows. */
export interface CallBook {
  readonly open: ReadonlyMap<string, CallView>
  /** Sends an offer and remembers the call. */
  offer(call: Pick<CallView, 'rtc_id' | 'room_id' | 'purpose' | 'to'>, cap_token: string | undefined): void
  /** Sends one candidate, numbered, so that what the other end gets can be compared. */
  trickle(call: CallView): void
  bye(call: CallView): void
  /** A signal came. */
  heard(frame: Wire): void
  /** Lets go of the calls of a room. */
  forget(room_id: string): void
  clear(): void
}

/** @see CallBook */
export function createCallBook(
  world: World,
  say: (type: string, to: string, payload: object) => Wire,
  self: () => string | undefined,
): CallBook {
  const { random } = world
  const open = new Map<string, CallView>()
  // By the ids of their offers, so that a refusal is understood.
  const offered = new Map<string, CallView>()

  const book: CallBook = {
    open,
    offer(call, cap_token) {
      const { rtc_id, room_id, purpose, to } = call
      const known = open.get(rtc_id) ?? { rtc_id, room_id, purpose, to, candidates: 0, isOpen: false }
      open.set(rtc_id, known)
      const token = cap_token === undefined ? {} : { cap_token }
      const { id } = say('rtc.offer', to, { rtc_id, room_id, purpose, sdp: sdpFor(purpose), ...token })
      if (known.candidates === 0) offered.set(id, known)
    },
    trickle(call) {
      const candidate = { candidate: `candidate:${self()} ${call.candidates++}`, sdpMid: '0', sdpMLineIndex: 0 }
      say('rtc.ice', call.to, { rtc_id: call.rtc_id, candidate })
    },
    bye(call) {
      open.delete(call.rtc_id)
      say('rtc.bye', call.to, { rtc_id: call.rtc_id, reason: random.chance(0.5) ? 'hangup' : 'completed' })
    },
    heard({ type, from = '', payload, reply_to = '' }) {
      const refused = offered.get(reply_to)
      if (type === 'error' && refused) open.delete(refused.rtc_id)
      if (!type.startsWith('rtc.')) return
      const rtc_id = String(payload.rtc_id)
      if (type === 'rtc.bye') return void open.delete(rtc_id)
      const known = open.get(rtc_id)
      if (type === 'rtc.answer' && known) known.isOpen = true
      if (type !== 'rtc.offer') return
      const call = known ?? {
        rtc_id,
        room_id: String(payload.room_id),
        purpose: String(payload.purpose),
        to: from,
        candidates: 0,
        isOpen: false,
      }
      open.set(rtc_id, call)
      const what = random.weighted({ answer: 7, trickleFirst: 2, decline: 1, ignore: 1 })
      if (what === 'ignore') return
      world.soon(800, () => {
        if (open.get(rtc_id) !== call) return
        if (what === 'decline') return book.bye(call)
        if (what === 'trickleFirst') book.trickle(call)
        call.isOpen = true
        say('rtc.answer', call.to, { rtc_id, sdp: sdpFor(call.purpose) })
        book.trickle(call)
      })
    },
    forget(room_id) {
      for (const call of open.values()) if (call.room_id === room_id) open.delete(call.rtc_id)
    },
    clear() {
      open.clear()
      offered.clear()
    },
  }
  return book
}

/** The smallest description that passes for a purpose. */
function sdpFor(purpose: string): string {
  const media = purpose === 'call' || purpose === 'screen' ? 'audio' : 'application'
  const fingerprint = `a=fingerprint:sha-256 ${Array.from({ length: 32 }, () => 'AB').join(':')}`
  return ['v=0', 'o=- 1 1 IN IP4 127.0.0.1', 's=-', 't=0 0', fingerprint, `m=${media} 9 X 111`, ''].join('\r\n')
}
