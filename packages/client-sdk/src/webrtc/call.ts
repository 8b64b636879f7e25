import { MeshError, isMeshError } from '@mesh/core/errors'
import { createEmitter } from '../emitter.ts'
import type { ClientPayload } from '@mesh/core/protocol'
import type { Capability, Room } from '../types.ts'
import { keepRenewed } from './configuration.ts'
import type { Configuration } from './configuration.ts'
import { dropTrack, putStream, putTrack } from './media.ts'
import { createNegotiation } from './negotiation.ts'
import type { Negotiation } from './negotiation.ts'
import { pathOf } from './path.ts'
import { createSignals } from './signals.ts'
import type { Call, CallEndReason, CallEvents, CallPurpose, CallState } from './types.ts'

/** What a call is made of. */
export interface CallContext {
  room: Room
  rtc_id: string
  purpose: CallPurpose
  direction: 'incoming' | 'outgoing'
  /** Whom signals go to until the peer at the other end is known. */
  to: string
  configuration: Configuration
  createConnection(configuration: RTCConfiguration): RTCPeerConnection
  /** The call has ended. */
  forget(): void
}

/** A call, with what only the calls of its room do to it. */
export interface CallHandle {
  readonly call: Call
  /** Opens an outgoing call; the token of the capability is for the first offer. */
  open(stream: MediaStream | undefined, granted: Capability): Promise<void>
  offered(sdp: string): void
  answered(sdp: string, from: string): void
  candidate(candidate: RTCIceCandidateInit | null): void
  /** Ends it without a word to the other end. */
  end(reason: CallEndReason, error?: unknown): void
}

/** How long to ring when the server's own word (30 s) does not come, in milliseconds. */
const ringMs = 35_000
/** How often in a row a path may fail before the call is given up. */
const restarts = 3

/** Makes a call that rings. */
export function createCall(context: CallContext): CallHandle {
  const { room, rtc_id, purpose, direction, configuration } = context
  const { mesh } = room
  const events = createEmitter<CallEvents>()
  const timers = new Set<ReturnType<typeof setTimeout>>()
  let state: CallState = 'ringing'
  let reason: CallEndReason | undefined
  let peer = direction === 'incoming' ? context.to : undefined
  let pc: RTCPeerConnection | undefined
  let negotiation: Negotiation | undefined
  let token: string | undefined
  let ringing: string | undefined
  let early: (RTCIceCandidateInit | null)[] = []
  let failures = 0
  const signals = createSignals({
    mesh,
    to: () => peer ?? context.to,
    isAnswered: () => peer !== undefined,
    isOffering: () => pc?.signalingState === 'have-local-offer',
    later,
    refused(type, error) {
      if (type !== 'rtc.ice') leave(error.code === 'UNROUTABLE' ? 'unroutable' : 'failed', 'failed', error)
    },
  })
  const ring = later(ringMs, () => leave('timeout', 'timeout'))

  const call: Call = {
    rtc_id,
    purpose,
    direction,
    get state() {
      return state
    },
    get reason() {
      return reason
    },
    get peer() {
      return peer
    },
    get connection() {
      return pc
    },
    async accept(stream) {
      if (ringing === undefined || state !== 'ringing') throw conflict()
      enter('connecting')
      clearTimeout(ring)
      // Whoever may not call may still answer; then it is for the other end to find a path.
      const granted = configuration.isGranted ? await capability().catch(() => undefined) : undefined
      const { connection, negotiation } = await connect(granted).catch((error: unknown) => {
        leave('failed', 'failed', error)
        throw error
      })
      for (const track of stream?.getTracks() ?? []) connection.addTrack(track, ...(stream ? [stream] : []))
      // Read only now: the caller may have offered anew meanwhile.
      void negotiation.describe('offer', ringing)
      ringing = undefined
      for (const candidate of early) void negotiation.candidate(candidate)
      early = []
    },
    decline(why = 'declined') {
      if (direction === 'incoming' && state === 'ringing') leave(why, why)
    },
    hangup() {
      if (direction === 'incoming' && state === 'ringing') call.decline()
      else leave('hangup', 'hangup')
    },
    async addTrack(track, ...streams) {
      await putTrack(connection(), track, streams)
    },
    removeTrack: (track) => dropTrack(connection(), track),
    async replaceStream(stream) {
      await putStream(connection(), stream)
    },
    restartIce: () => pc?.restartIce(),
    async path() {
      // TypeScript's RTCStatsReport does not say what its values are; the standard does.
      return pc && pathOf((await pc.getStats()) as ReadonlyMap<string, { type: string }>)
    },
    on: events.on,
  }

  return {
    call,
    async open(stream, granted) {
      token = granted.token
      const { connection } = await connect(granted)
      const tracks = stream?.getTracks() ?? []
      for (const track of tracks) connection.addTrack(track, ...(stream ? [stream] : []))
      // Without a media line there is nothing to offer, and nothing that the other end could fill.
      if (tracks.length === 0)
        for (const kind of ['audio', 'video']) connection.addTransceiver(kind, { direction: 'recvonly' })
    },
    offered(sdp) {
      if (negotiation) void negotiation.describe('offer', sdp)
      else ringing = sdp
    },
    answered(sdp, from) {
      if (direction === 'outgoing' && state === 'ringing') {
        peer = from
        clearTimeout(ring)
        enter('connecting')
      }
      void negotiation?.describe('answer', sdp)
    },
    candidate(candidate) {
      if (ringing === undefined && negotiation) void negotiation.candidate(candidate)
      else early.push(candidate)
    },
    end,
  }

  async function connect(granted?: Capability): Promise<{ connection: RTCPeerConnection; negotiation: Negotiation }> {
    const how = await configuration.of(granted)
    if (state === 'ended') throw conflict()
    const connection = context.createConnection(how)
    pc = connection
    keepRenewed({
      configuration,
      granted,
      ask: capability,
      apply: (how) => state !== 'ended' && connection.setConfiguration(how),
      later,
    })
    const own = createNegotiation({
      pc: connection,
      polite: () => mesh.me.peer_id < (peer ?? ''),
      prepare: fetchToken,
      offer: (sdp, cap_token) => signals.post('rtc.offer', { rtc_id, room_id: room.id, purpose, sdp, cap_token }),
      answer(sdp) {
        answering = false
        signals.post('rtc.answer', { rtc_id, sdp })
      },
      failed,
    })
    negotiation = own
    // The tracks of the one who answers go out with the answer; what did not fit is asked for again afterwards.
    let answering = direction === 'incoming'
    connection.addEventListener('negotiationneeded', () => answering || void own.negotiate())
    connection.addEventListener('icecandidate', ({ candidate }) =>
      signals.post('rtc.ice', { rtc_id, candidate: wire(candidate) }),
    )
    connection.addEventListener('track', (event) => void events.emit('track', event))
    connection.addEventListener('connectionstatechange', () => moved(connection.connectionState))
    return { connection, negotiation: own }
  }

  function moved(path: RTCPeerConnectionState): void {
    if (state === 'ended') return
    if (path === 'connected') {
      failures = 0
      enter('connected')
    } else if (path === 'failed') {
      if (failures++ >= restarts) return leave('failed', 'failed')
      enter('connecting')
      pc?.restartIce()
    } else if (path === 'disconnected') enter('connecting')
  }

  async function fetchToken(): Promise<string> {
    const ready = token
    token = undefined
    const fresh = ready ?? (await capability()).token
    await signals.settled()
    return fresh
  }

  function capability(): Promise<Capability> {
    return room.capability([purpose], aim(peer ?? context.to))
  }

  function failed(error: unknown): void {
    if (isMeshError(error) && error.retryable) {
      later(error.details.retry_after_ms ?? 1000, () => void negotiation?.negotiate())
    } else leave('failed', 'failed', error)
  }

  /** Ends the call and tells the other end. */
  function leave(why: CallEndReason, bye: ClientPayload<'rtc.bye'>['reason'], error?: unknown): void {
    if (state === 'ended') return
    // It has no answer but an error, and then the other end knows already.
    mesh.send('rtc.bye', { rtc_id, reason: bye }, { to: peer ?? context.to, confirmMs: 10_000 }).catch(() => undefined)
    end(why, error)
  }

  function end(why: CallEndReason, error?: unknown): void {
    if (state === 'ended') return
    reason = why
    for (const timer of timers) clearTimeout(timer)
    negotiation?.stop()
    pc?.close()
    context.forget()
    enter('ended')
    events.emit('ended', why, error)
  }

  function enter(next: CallState): void {
    if (state === next) return
    state = next
    events.emit('state', next)
  }

  function connection(): RTCPeerConnection {
    if (!pc || state === 'ended') throw conflict()
    return pc
  }

  function later(ms: number, act: () => void): ReturnType<typeof setTimeout> | undefined {
    if (state === 'ended') return undefined
    const timer = setTimeout(() => state !== 'ended' && act(), ms)
    timers.add(timer)
    return timer
  }
}

/** The bounds of a capability for one call: the one who is meant, where that is one. */
export function aim(to: string): { target_peer_id?: string; target_device_id?: string } {
  if (to.startsWith('peer_')) return { target_peer_id: to }
  return to.startsWith('dev_') ? { target_device_id: to } : {}
}

/** A candidate with exactly the fields that the contract has. */
function wire(candidate: RTCIceCandidate | null): ClientPayload<'rtc.ice'>['candidate'] {
  if (!candidate) return null
  const { sdpMid, sdpMLineIndex, usernameFragment } = candidate
  return { candidate: candidate.candidate, sdpMid, sdpMLineIndex, usernameFragment }
}

function conflict(): MeshError {
  return new MeshError('CONFLICT', 'The call is not in a state for this')
}
