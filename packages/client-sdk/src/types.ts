import type {
  ClientEventType,
  ClientPayload,
  Envelope,
  ReplyType,
  ServerEventType,
  ServerPayload,
} from '@mesh/core/protocol'
import type { WaitOptions } from './deferred.ts'

/** Events that the server answers with another event; the hello is `connect`'s own. */
export type RequestType = Exclude<
  { [T in ClientEventType]: ReplyType<T> extends string ? T : never }[ClientEventType],
  'system.hello'
>

/** Events that are answered only when something is wrong with them. */
export type SignalType = { [T in ClientEventType]: ReplyType<T> extends null ? T : never }[ClientEventType]

/** What a request resolves with. */
export type Reply<T extends RequestType> = ServerPayload<ReplyType<T> & ServerEventType>

/** Where a request goes, and how long to wait for its answer. */
export interface RequestOptions extends WaitOptions {
  /** A room, peer, device or user id; `server`, if left out. The contract says which event wants which. */
  to?: string | undefined
  /** A UUID to send it under. Sent again under the same one after a lost connection, it acts only once. */
  id?: string | undefined
}

/** Where a signal goes. */
export interface SendOptions {
  /** A room, peer, device or user id, or `server`. */
  to: string
  /**
   * Milliseconds of being online in which an error that answers the signal rejects the promise. Without it the promise
   * resolves at once, and such an error comes as the event `error`.
   */
  confirmMs?: number | undefined
}

/**
 * Where a connection stands. `closed` is for good; until then a lost connection is looked for again. While it is
 * `reconnecting` the session waits, two minutes by default: what is sent meanwhile gets there afterwards, and what comes
 * meanwhile comes then.
 */
export type MeshState = 'connecting' | 'online' | 'reconnecting' | 'closed'

/** Who this connection is. The peer id is another one after every reconnect that could not be resumed. */
export interface Me {
  readonly peer_id: string
  readonly user_id: string
  readonly device_id?: string | undefined
}

/** Every event of the protocol with its payload and envelope, and the connection's own. */
export type MeshEvents = {
  [T in ServerEventType]: [payload: ServerPayload<T>, envelope: Envelope<T, ServerPayload<T>>]
} & {
  /** The state changed; with the reason, where there is one. */
  state: [state: MeshState, reason?: unknown]
  /** An error that no promise took: of a signal, of the token function, of a listener. */
  error: [error: unknown]
}

/** A connection to a Mesh server. It outlives its sockets. */
export interface Mesh extends AsyncDisposable {
  readonly state: MeshState
  readonly me: Me
  /**
   * An access token for REST, where the server gave one in exchange for a session of the host application. It is kept
   * fresh while connected.
   */
  readonly accessToken: string | undefined
  /**
   * Sends a request and resolves with the payload of its answer.
   * Sent while reconnecting, it waits as long as the session does; the default deadline counts the time online only.
   * @throws MeshError the server's; UNAVAILABLE after `timeoutMs`, and with `details.reason` `connection_lost` when the
   * session is over: then it may have acted or not. Chat is sent again with the next session, and stored once.
   */
  request<T extends RequestType>(type: T, payload: ClientPayload<T>, options?: RequestOptions): Promise<Reply<T>>
  /**
   * Sends a signal: what the server answers only when something is wrong.
   * @throws MeshError UNAVAILABLE while no session waits for the connection; with `confirmMs` also the server's.
   */
  send<T extends SignalType>(type: T, payload: ClientPayload<T>, options: SendOptions): Promise<void>
  /** Enters a room. A new session enters it again by itself; a room already entered is the same object. */
  join(room_id: string, options?: WaitOptions): Promise<Room>
  /** Listens to an event until the returned function is called. What a listener throws comes as `error`. */
  on<T extends keyof MeshEvents>(type: T, listener: (...args: MeshEvents[T]) => void): () => void
  /**
   * Waits for the next event of a kind.
   * @throws MeshError UNAVAILABLE when the connection is closed for good, and after `timeoutMs`, where it is given.
   */
  once<T extends keyof MeshEvents>(type: T, options?: WaitOptions): Promise<MeshEvents[T][0]>
  /** Closes for good. What still waits rejects with UNAVAILABLE. Resolves when the server knows. */
  close(): Promise<void>
}

/** Why a token is wanted: for a connection, before the one in use expires, or because the last one was refused as expired. */
export type TokenReason = 'connect' | 'refresh' | 'rejected'

/** Where the access token comes from. */
export type TokenSource = string | ((reason: TokenReason) => string | Promise<string>)

/** A room at the moment of entering. */
export type Joined = ServerPayload<'room.joined'>

/** A user who belongs to a room, connected or not. */
export type Member = Joined['members'][number]

/** A connected peer in a room, and whether it can be disturbed. */
export type Peer = Joined['peers'][number]

/** A stored chat message. */
export type Message = ServerPayload<'chat.message.created'>

/** A capability token with its words and its end, and STUN and TURN servers where the server has some. */
export type Capability = ServerPayload<'capability.granted'>

/** Whom a capability is aimed at, and within which bounds. */
export type CapabilityOptions = Omit<ClientPayload<'capability.request'>, 'room_id' | 'caps'>

/** What a room tells. */
export interface RoomEvents {
  /** Somebody said something, this peer included. */
  message: [message: Message]
  /** A peer came, changed or went (`offline`). */
  presence: [peer: Peer]
  /** Somebody became a member, is none any more, or has another role. */
  members: [members: ReadonlyMap<string, Member>]
  /** Name, role or capabilities changed. */
  updated: []
  /**
   * Entered again with a new session, at `seq`; what comes later is told. Of the room's durable events, those above `after`
   * up to `seq` were missed. `after` above `seq` says that the server has an older database back: what was heard above
   * `seq` is no more, and its numbers are given again. A room that has got past `after` again by now cannot be told from
   * one that just went on, except by the ids of its events.
   */
  rejoined: [missed: { after: number; seq: number }]
  /** The room is over for this peer. The last event. */
  left: [reason: ServerPayload<'room.left'>['reason']]
}

/** A room that this peer is in. Its fields and maps follow what happens there. */
export interface Room {
  readonly mesh: Mesh
  readonly id: string
  readonly name: string
  /** The role of this user. */
  readonly role: Member['role']
  /** The capabilities that this user may ask for. */
  readonly caps: readonly string[]
  /** Whether peers may only meet through a relay here. Calls see to it by themselves. */
  readonly relayOnly: boolean
  /** By user id. */
  readonly members: ReadonlyMap<string, Member>
  /** By peer id. */
  readonly peers: ReadonlyMap<string, Peer>
  /** `seq` of the latest durable event seen. Only a new session may lower it: see `rejoined`. */
  readonly seq: number
  /** Says something to everybody: 1 to 4,096 bytes. Resolves once it is stored durably. */
  send(text: string, options?: Omit<RequestOptions, 'to'>): Promise<Message>
  /** Says how available this peer is; a new session says it again. */
  setStatus(status: 'online' | 'away' | 'busy', note?: string): Promise<void>
  /** Asks for a capability token of 60 to 180 s, granted whole or refused. */
  capability(caps: string[], options?: CapabilityOptions, wait?: WaitOptions): Promise<Capability>
  /** Listens until the returned function is called. */
  on<T extends keyof RoomEvents>(type: T, listener: (...args: RoomEvents[T]) => void): () => void
  /** Leaves for good; while reconnecting, as soon as there is a connection. */
  leave(options?: WaitOptions): Promise<void>
}
