import * as v from 'valibot'
import { actionsOf } from './acl.ts'
import type { Admit } from './admission.ts'
import { chain } from './awaitable.ts'
import type { Answered, BelongingOf, Call, Engine, Handlers, HandledType, LiveRoom, Peer } from './context.ts'
import type { ClientEvent } from './define.ts'
import { createDurations, type Durations } from './durations.ts'
import { MeshError } from './errors.ts'
import { exceeds, type ClientFrame } from './frame.ts'
import { isId } from './ids.ts'
import { issuePath } from './issue-path.ts'
import { matcherOf, type Matches } from './matches.ts'
import type { LimitClass } from './limits.ts'
import { clientEvents, type ServerEventType } from './protocol.ts'
import type { First, Repeats, Request } from './repeats.ts'

/** What becomes of a frame: nothing more to do, or a wait. */
type Outcome = void | Promise<void>

/** Judges a frame by the table and hands it to its area. */
export interface Router {
  /** The class whose bucket a frame of this type takes from. */
  classOf(type: string): LimitClass
  /** Checks and handles one frame, in the contract's order of checks. @throws MeshError, or rejects with it */
  route(peer: Peer, frame: ClientFrame, bytes: number): Outcome
  /** What has passed every check so far, by type of event: frames, and their bytes on the wire. The counts are live. */
  readonly passed: ReadonlyMap<string, Readonly<{ frames: number; bytes: number }>>
  /** How long those that are answered took, however that went, by type of event; live. What is passed on is not timed. */
  readonly requests: ReadonlyMap<string, Durations>
}

/** The other nodes, as far as a frame may concern them. */
export interface Others {
  /** Whether what they tell does not arrive. */
  areSilent(): boolean
  /** Passes a frame on to the node on which its session lives; false when that is this one, or none. */
  passOn(peer: Peer, session_id: string, frame: ClientFrame, bytes: number, isAnswered: boolean): boolean
}

const sessionNames = ['rtc_id', 'session_id'] as const

type Handle = (call: Call) => object | undefined | Promise<object | undefined>

/** An event with what judges and handles it. */
interface Entry {
  readonly event: ClientEvent
  readonly matches: Matches | undefined
  /** The member of the payload that names a session, if there is one. */
  readonly session: 'rtc_id' | 'session_id' | undefined
  readonly handle: Handle
  readonly passed: { frames: number; bytes: number }
  /** Undefined for what is never answered: it does not read the clock. */
  readonly took: Durations | undefined
}

/** @see Router */
export function createRouter(
  engine: Engine,
  handlers: Handlers<HandledType>,
  repeats: Repeats,
  others: Others,
  admit?: Admit,
): Router {
  const entries = new Map<string, Entry>()
  for (const [type, handle] of Object.entries(handlers)) {
    // The one seam where a name finds its handler: both come from the same table, without its literal types from here on.
    const event: ClientEvent = clientEvents[type as HandledType]
    entries.set(type, {
      event,
      matches: matcherOf(event.payload),
      session: sessionNames.find((name) => name in event.payload.entries),
      handle: handle as unknown as Handle,
      passed: { frames: 0, bytes: 0 },
      took: event.reply === null ? undefined : createDurations(),
    })
  }

  function route(peer: Peer, frame: ClientFrame, bytes: number): Outcome {
    // What other nodes stored about the rooms is not heard of now, so it is read before anybody acts on it.
    if (others.areSilent()) return engine.refresh(peer).then(() => judge(peer, frame, bytes))
    return judge(peer, frame, bytes)
  }

  function judge(peer: Peer, frame: ClientFrame, bytes: number): Outcome {
    const entry = entries.get(frame.type)
    if (!entry) throw new MeshError('BAD_MESSAGE', undefined, { reason: 'unknown_type' })
    const { event } = entry
    if (exceeds(engine.limits.classes[event.limit].bytes, event.limit, frame.payload, bytes)) {
      throw new MeshError('MESSAGE_TOO_LARGE')
    }
    if (frame.from !== undefined && frame.from !== peer.peer_id) throw invalid('envelope', 'from')
    if (!fits(event.to, frame.to)) throw invalid('envelope', 'to')
    const payload = entry.matches?.(frame.payload) === true ? frame.payload : validated(event, frame.payload)
    if (event.to === 'room' && names(payload, frame.to) === false) throw invalid('payload', 'room_id')
    const { session } = entry
    if (
      session !== undefined &&
      others.passOn(peer, String(frame.payload[session]), frame, bytes, event.reply !== null)
    )
      return
    if (!entry.took) return settle(entry, peer, frame, bytes, payload)
    return timed(entry.took, () => settle(entry, peer, frame, bytes, payload))
  }

  function timed(took: Durations, run: () => Outcome): Outcome {
    const begun = engine.clock.monotonic()
    const note = () => took.note(engine.clock.monotonic() - begun)
    let pending: Outcome
    try {
      pending = run()
    } catch (error) {
      note()
      throw error
    }
    if (pending) return pending.finally(note)
    note()
  }

  /** Goes on with an event, once its id has been looked up and its sender's belonging to the room, where either matters. */
  function settle(entry: Entry, peer: Peer, frame: ClientFrame, bytes: number, payload: object): Outcome {
    const { event } = entry
    if (!event.once && event.room === null) return act(entry, peer, frame, bytes, payload, undefined)
    const repeat = event.once ? repeatOf(event, peer, frame, payload) : undefined
    const first = repeat && repeats.find(repeat)
    // Whoever is out of the room by now gets nothing of it, and is judged as if it had not asked before.
    if (first && (first.room_id === undefined || peer.rooms.has(first.room_id)))
      return again(event, peer, frame.id, first)
    if (event.room === null) return act(entry, peer, frame, bytes, payload, undefined, repeat)
    return chain(belonging(event, peer, roomOf(event, frame)), ({ role, proof }) => {
      if (event.may && !actionsOf[role].has(event.may)) throw new MeshError('ACCESS_DENIED')
      return first ? again(event, peer, frame.id, first) : act(entry, peer, frame, bytes, payload, proof, repeat)
    })
  }

  /** Answers a request like the first time. */
  function again(event: ClientEvent, peer: Peer, reply_to: string, { answer, room_id = '' }: First): void {
    if (isEvent(answer)) engine.repeat(peer, answer.event, reply_to)
    else reply(peer, event, reply_to, answer, peer.rooms.get(room_id)?.room)
  }

  function act(
    { event, handle, passed }: Entry,
    peer: Peer,
    frame: ClientFrame,
    bytes: number,
    payload: object,
    at: Belonging['proof'] | undefined,
    repeat?: Request,
  ): Outcome {
    const { type, id, to, timestamp } = frame
    // What is never answered needs no way to be answered later: signals are spared the closure.
    const answer = event.reply === null ? unanswered : answering(event, peer, frame, repeat)
    // The table says which type has which payload and belonging; here they are values of whichever it is.
    const result = handle({ peer, type, id, to, timestamp, payload, frame, at, answer } as Call)
    if (result === undefined) return countPassed(passed, bytes)
    return chain(result, (given) => {
      countPassed(passed, bytes)
      if (given && given !== engine.answered) answer(given)
    })
  }

  function answering(event: ClientEvent, peer: Peer, frame: ClientFrame, repeat: Request | undefined) {
    return (result: object, room?: LiveRoom): void => {
      const told = isEvent(result) ? result.event : room
      // What its members ask about a room is for them, whether they have joined it or not.
      const room_id = told?.room_id ?? (event.room === 'member' ? roomOf(event, frame) : undefined)
      if (repeat) repeats.keep(repeat, { answer: result, room_id })
      if (!isEvent(result)) reply(peer, event, frame.id, result, room)
    }
  }

  function reply(peer: Peer, event: ClientEvent, reply_to: string, payload: object, room?: LiveRoom): void {
    if (event.reply === null) return
    // What a handler returns has the type of its reply: see Handler.
    engine.tell(peer, event.reply as ServerEventType, payload as never, { reply_to, room })
  }

  /** What ties the peer to a room, from the live state where it has joined, from the storage where it has not. */
  function belonging(event: ClientEvent, peer: Peer, room_id: string): Belonging | Promise<Belonging> {
    const occupant = peer.rooms.get(room_id)
    if (occupant)
      return {
        role: occupant.role,
        proof: event.room === 'joined' ? occupant : { room: occupant.room, member: occupant },
      }
    return event.room === 'joined' ? engine.notInRoom(room_id) : membership(event, peer, room_id)
  }

  async function membership(event: ClientEvent, peer: Peer, room_id: string): Promise<Belonging> {
    if (event.may === 'join') await admit?.(peer, room_id)
    const room = await engine.storage.rooms.find(room_id)
    if (!room) throw new MeshError('ROOM_NOT_FOUND')
    const member = await engine.storage.rooms.member(room_id, peer.user_id)
    // Asked again, because the room may have been deleted between the two.
    if (!member) return engine.notInRoom(room_id)
    return { role: member.role, proof: { room, member } }
  }

  const passed = new Map([...entries].map(([type, entry]) => [type, entry.passed]))
  const requests = new Map([...entries].flatMap(([type, { took }]) => (took ? [[type, took] as const] : [])))
  return { route, passed, requests, classOf: (type) => entries.get(type)?.event.limit ?? 'other' }
}

function countPassed(passed: Entry['passed'], bytes: number): void {
  passed.frames++
  passed.bytes += bytes
}

const unanswered = (): void => {}

/** Whether a payload that names a room names this one; undefined where it names none. */
function names(payload: { room_id?: unknown }, room_id: string): boolean | undefined {
  return payload.room_id === undefined ? undefined : payload.room_id === room_id
}

/** Whether the answer was a durable event that has been told already. */
function isEvent(result: object): result is Required<Answered> {
  return 'answered' in result && 'event' in result
}

interface Belonging {
  role: BelongingOf['joined']['role']
  proof: BelongingOf[keyof BelongingOf]
}

/** The payload as the schema has it, or the reason why it does not fit. @throws MeshError BAD_MESSAGE */
function validated(event: ClientEvent, payload: object): object {
  const parsed = v.safeParse(event.payload, payload, { abortEarly: true })
  if (parsed.success) return parsed.output
  throw invalid('payload', issuePath(parsed.issues[0]))
}

function repeatOf(event: ClientEvent, peer: Peer, frame: ClientFrame, payload: object): Request {
  return {
    identity: peer.identity,
    id: frame.id,
    body: JSON.stringify([frame.type, frame.to, payload]),
    holder: event.once === 'peer' ? peer.peer_id : undefined,
  }
}

function invalid(reason: string, path: string | undefined): MeshError {
  return new MeshError('BAD_MESSAGE', undefined, path === undefined ? { reason } : { reason, path })
}

function roomOf(event: ClientEvent, frame: ClientFrame): string {
  return event.to === 'room' ? frame.to : String(frame.payload.room_id)
}

function fits(address: ClientEvent['to'], to: string): boolean {
  if (address === 'server') return to === 'server'
  if (address === 'room') return isId('room', to)
  return isId('peer', to) || isId('dev', to) || (address === 'peer' && isId('usr', to))
}
