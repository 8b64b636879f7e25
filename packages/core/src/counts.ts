import { closeCodes, errorCodes, type CloseReason, type ErrorCode } from './errors.ts'
import type { RoomEvent, Sent } from './ports/index.ts'
import { createDurations, type Durations } from './durations.ts'
import { createTally, type Tally } from './tally.ts'

/** What an engine counts as it goes. Nothing on the way of a relayed frame does: those are counted by the router anyway. */
export interface Counts {
  /** Connections taken, whatever became of them. */
  connections: number
  /** Connections refused since there were too many, in all or from one address. */
  refused: number
  /** Hellos that asked for their session back, by whether they got it. */
  readonly resumes: Tally<'resumed' | 'refused'>
  /** Connections that the server closed, by why. */
  readonly closes: Tally<CloseReason>
  /** Errors that clients were answered with over the socket. */
  readonly errors: Tally<ErrorCode>
  /**
   * Signals that reached nobody: there was nobody here or on another node, or the receiver took none until it was too
   * late for them. Each is counted by one node.
   */
  readonly lostSignals: Tally<'unroutable' | 'timeout'>
  /** Durable events that this node stored, by type. */
  readonly events: Tally<string>
  /** Changes of who controls a terminal, made by this node: `granted`, or why control ended. */
  readonly leases: Tally<string>
  /** Calls and sessions between agents that were asked for on this node: `opened`, or why they were not. */
  readonly sessions: Record<Transport, Tally<string>>
  /** How long it took from the request to the answer that opened one. */
  readonly setups: Record<Transport, Durations>
  /** How often somebody was given credentials for a TURN server. */
  turnCredentials: number
  /** How long another node took to say, when asked over the bus, what had got there. */
  readonly busAnswers: Durations
  /** What came of each attempt to tell somebody who is away. */
  readonly notifications: Tally<Sent['outcome']>
  /** What came of each attempt to tell a service of an event. */
  readonly webhooks: Tally<'sent' | 'later'>
  /** How long the latest revocation of another node took to get here, in milliseconds by both clocks; 0 before the first. */
  revocationLagMs: number
}

/** What two peers have between them: a call or share of browsers, or a session of agents. */
export type Transport = 'webrtc' | 'quic'

/** @see Counts */
export function createCounts(): Counts {
  return {
    connections: 0,
    refused: 0,
    resumes: createTally(['resumed', 'refused']),
    // The names are the table's own.
    closes: createTally(Object.keys(closeCodes) as CloseReason[]),
    errors: createTally(errorCodes),
    lostSignals: createTally(['unroutable', 'timeout']),
    events: createTally(),
    leases: createTally(['granted']),
    sessions: { webrtc: createTally(['opened']), quic: createTally(['opened']) },
    setups: { webrtc: createDurations(), quic: createDurations() },
    turnCredentials: 0,
    busAnswers: createDurations(),
    notifications: createTally(['sent', 'unaddressed', 'later', 'refused']),
    webhooks: createTally(['sent', 'later']),
    revocationLagMs: 0,
  }
}

/** Counts a session that was opened, or why it was not, so many milliseconds after it was asked for. */
export function countSession({ sessions, setups }: Counts, transport: Transport, result: string, took: number): void {
  sessions[transport].add(result)
  if (result === 'opened') setups[transport].note(took)
}

/** Counts an event that this node has stored. */
export function countEvent({ events, leases }: Counts, { type, payload }: RoomEvent): void {
  events.add(type)
  if (type === 'terminal.control.granted') leases.add('granted')
  if (type === 'terminal.control.released') leases.add(String(payload.reason))
}

/** Whether a request of this type is a signal from one peer to another. */
export function isSignal(type: string | undefined): boolean {
  return type !== undefined && /^(rtc|p2p)\./.test(type)
}
