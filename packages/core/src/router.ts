import * as v from 'valibot'
import { actionsOf } from './acl.ts'
import { chain } from './awaitable.ts'
import type { Answered, BelongingOf, Call, Engine, Handlers, HandledType, Peer } from './context.ts'
import type { ClientEvent } from './define.ts'
import { MeshError } from './errors.ts'
import { exceeds, type ClientFrame } from './frame.ts'
import { isId } from './ids.ts'
import type { LimitClass } from './limits.ts'
import { clientEvents, type ServerEventType } from './protocol.ts'
import type { Repeats } from './repeats.ts'

/** What becomes of a frame: nothing more to do, or a wait. */
type Outcome = void | Promise<void>

/** Judges a frame by the table and hands it to its area. */
export interface Router {
  /** The class whose bucket a frame of this type takes from. */
  classOf(type: string): LimitClass
  /** Checks and handles one frame, in the contract's order of checks. @throws MeshError, or rejects with it */
  route(peer: Peer, frame: ClientFrame, bytes: number): Outcome
}

// The table without its literal types: from here on an event is looked up by a name that a client sent.
const table = new Map<string, ClientEvent>(Object.entries(clientEvents))
table.delete('system.hello')

/** @see Router */
export function createRouter(engine: Engine, handlers: Handlers<HandledType>, repeats: Repeats): Router {
  // The one seam where a name found in the table meets its handler: both come from the same table.
  const handlerOf = new Map(Object.entries(handlers)) as unknown as Map<
    string,
    (call: Call) => object | void | Promise<object | void>
  >

  function route(peer: Peer, frame: ClientFrame, bytes: number): Outcome {
    const event = table.get(frame.type)
    if (!event) throw new MeshError('BAD_MESSAGE', undefined, { reason: 'unknown_type' })
    if (exceeds(engine.limits.classes[event.limit].bytes, event.limit, frame.payload, bytes)) {
      throw new MeshError('MESSAGE_TOO_LARGE')
    }
    if (frame.from !== undefined && frame.from !== peer.peer_id) throw invalid('envelope', 'from')
    if (!fits(event.to, frame.to)) throw invalid('envelope', 'to')
    const parsed = v.safeParse(event.payload, frame.payload, { abortEarly: true })
    if (!parsed.success) throw invalid('payload', v.getDotPath(parsed.issues[0]) ?? undefined)
    const named = parsed.output['room_id']
    if (event.to === 'room' && named !== undefined && named !== frame.to) throw invalid('payload', 'room_id')
    const body = event.once ? JSON.stringify([frame.type, frame.to, parsed.output]) : undefined
    const holder = event.once === 'peer' ? peer.peer_id : undefined
    if (body !== undefined) {
      const first = repeats.find(peer.identity, frame.id, body, holder)
      if (first)
        return isEvent(first) ? engine.repeat(peer, first.event, frame.id) : reply(peer, event, frame.id, first)
    }
    const at = event.room === null ? undefined : belonging(event, peer, roomOf(event, frame))
    return chain(at, (at) => {
      if (at && event.may && !actionsOf[at.role].has(event.may)) throw new MeshError('ACCESS_DENIED')
      const { type, id, to, timestamp } = frame
      const answer = (result: object): void => {
        if (body !== undefined) repeats.keep(peer.identity, id, body, result, holder)
        if (!isEvent(result)) reply(peer, event, id, result)
      }
      // The table says which type has which payload and belonging; here they are values of whichever it is.
      const call = { peer, type, id, to, timestamp, payload: parsed.output, frame, at: at?.proof, answer } as Call
      return chain(handlerOf.get(type)?.(call), (result) => {
        if (result && result !== engine.answered) answer(result)
      })
    })
  }

  function reply(peer: Peer, event: ClientEvent, reply_to: string, payload: object): void {
    if (event.reply === null) return
    // What a handler returns has the type of its reply: see Handler.
    engine.tell(peer, event.reply as ServerEventType, payload as never, { reply_to })
  }

  /** What ties the peer to a room, from the live state where it has joined, from the storage where it has not. */
  function belonging(event: ClientEvent, peer: Peer, room_id: string): Belonging | Promise<Belonging> {
    const occupant = peer.rooms.get(room_id)
    if (occupant)
      return {
        role: occupant.role,
        proof: event.room === 'joined' ? occupant : { room: occupant.room, member: occupant },
      }
    return event.room === 'joined' ? engine.notInRoom(room_id) : membership(peer, room_id)
  }

  async function membership(peer: Peer, room_id: string): Promise<Belonging> {
    const room = await engine.storage.rooms.find(room_id)
    if (!room) throw new MeshError('ROOM_NOT_FOUND')
    const member = await engine.storage.rooms.member(room_id, peer.user_id)
    // Asked again, because the room may have been deleted between the two.
    if (!member) return engine.notInRoom(room_id)
    return { role: member.role, proof: { room, member } }
  }

  return { route, classOf: (type) => table.get(type)?.limit ?? 'other' }
}

/** Whether the answer was a durable event that has been told already. */
function isEvent(result: object): result is Required<Answered> {
  return 'answered' in result && 'event' in result
}

interface Belonging {
  role: BelongingOf['joined']['role']
  proof: BelongingOf[keyof BelongingOf]
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
  return isId('peer', to) || isId('usr', to) || isId('dev', to)
}
