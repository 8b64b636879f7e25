import type { ClientPayload, ServerPayload } from '@mesh/core/protocol'
import type { Room } from '../types.ts'
import type { Path } from './path.ts'

/** What a call is for: talking, or showing a screen. Fixed when it starts. */
export type CallPurpose = 'call' | 'screen'

/** How far a call is. While the media path is lost and looked for again it is `connecting`. */
export type CallState = 'ringing' | 'connecting' | 'connected' | 'ended'

/**
 * Why a call ended: a reason of the contract's (`rtc.bye`), or one that this end found by itself. `unroutable`: the called
 * one is not there. `gone`: the session of the other peer is over. `left`: this peer left the room.
 * `disconnected`: this peer's own session with the server is over. A lost connection alone ends no call.
 */
export type CallEndReason = ClientPayload<'rtc.bye'>['reason'] | 'unroutable' | 'gone' | 'left' | 'disconnected'

/** What a call tells. */
export interface CallEvents {
  /** A track of the other end, with its streams. */
  track: [event: RTCTrackEvent]
  state: [state: CallState]
  /** The last event; with the error, where one was the cause. */
  ended: [reason: CallEndReason, error?: unknown]
}

/** One session of audio and video between two peers, over one RTCPeerConnection. */
export interface Call {
  readonly rtc_id: string
  readonly purpose: CallPurpose
  readonly direction: 'incoming' | 'outgoing'
  readonly state: CallState
  /** Set once the call has ended. */
  readonly reason: CallEndReason | undefined
  /** The peer at the other end; of an outgoing call to a user or device, known once somebody answered. */
  readonly peer: string | undefined
  /** The connection, for what this interface does not cover; none while an incoming call rings. */
  readonly connection: RTCPeerConnection | undefined
  /** Takes an incoming call, with what to send. @throws MeshError CONFLICT when it does not ring any more */
  accept(stream?: MediaStream): Promise<void>
  /** Refuses an incoming call. */
  decline(reason?: 'declined' | 'busy'): void
  /** Ends the call from any state. Tracks that were handed in go on: whoever made them stops them. */
  hangup(): void
  /** Sends one more track. @throws MeshError CONFLICT where there is no connection */
  addTrack(track: MediaStreamTrack, ...streams: MediaStream[]): Promise<void>
  /** Stops sending a track. @throws MeshError CONFLICT where there is no connection */
  removeTrack(track: MediaStreamTrack): void
  /** Sends this stream's tracks and no others; nothing at all without one. @throws MeshError CONFLICT where there is no connection */
  replaceStream(stream?: MediaStream): Promise<void>
  /** Looks for another path; also done by itself when the path is lost. */
  restartIce(): void
  /** How the media goes; undefined while it does not. */
  path(): Promise<Path | undefined>
  /** Listens until the returned function is called. */
  on<T extends keyof CallEvents>(type: T, listener: (...args: CallEvents[T]) => void): () => void
}

/** Whom to call, and with what. */
export interface StartOptions {
  /** A peer id, or a user or device id: then every peer of theirs in the room rings, and the first to answer has the call. */
  to: string
  /** `call`, if left out. */
  purpose?: CallPurpose | undefined
  /** What to send. A call without it only receives. */
  stream?: MediaStream | undefined
}

/** How calls connect. */
export interface CallsOptions {
  /** The RTCPeerConnection to use; the global one, if left out. */
  RTCPeerConnection?: (new (configuration?: RTCConfiguration) => RTCPeerConnection) | undefined
  /** STUN and TURN servers, or where to get them for each call, in place of those that the server hands out. */
  iceServers?: RTCIceServer[] | (() => RTCIceServer[] | Promise<RTCIceServer[]>) | undefined
  /** Whether all media must go through a relay; it always must in a room that says so. */
  iceTransportPolicy?: RTCIceTransportPolicy | undefined
}

/** What the calls of a room tell. */
export interface CallsEvents {
  /** Somebody calls. In a call already? `call.decline('busy')`. */
  incoming: [call: Call]
  /** A call to this user that nobody took, on no device. Those of a time without a connection are in the room's history. */
  missed: [call: ServerPayload<'call.missed'>]
}

/** The calls of one room. */
export interface Calls {
  readonly room: Room
  /** Those that have not ended, by `rtc_id`. */
  readonly active: ReadonlyMap<string, Call>
  /**
   * Calls somebody. Resolves when it rings, with the offer on its way; whether it was answered is the call's to tell.
   * @throws MeshError ACCESS_DENIED or CAP_REQUIRED where the role does not allow it, UNAVAILABLE while not online
   */
  start(options: StartOptions): Promise<Call>
  /** Listens until the returned function is called. */
  on<T extends keyof CallsEvents>(type: T, listener: (...args: CallsEvents[T]) => void): () => void
  /** Hangs every call up and takes no more. */
  close(): void
}
