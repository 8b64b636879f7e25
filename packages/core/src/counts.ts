import { closeCodes, errorCodes, type CloseReason, type ErrorCode } from './errors.ts'
import type { RoomEvent } from './ports/index.ts'
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
  /** Signals that reached nobody: there was nobody, or the receiver took none until it was too late for them. */
  readonly lostSignals: Tally<'unroutable' | 'timeout'>
  /** Durable events that this node stored, by type. */
  readonly events: Tally<string>
  /** Changes of who controls a terminal, made by this node: `granted`, or why control ended. */
  readonly leases: Tally<string>
  /** How long the latest revocation of another node took to get here, in milliseconds by both clocks; 0 before the first. */
  revocationLagMs: number
}

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
    revocationLagMs: 0,
  }
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
