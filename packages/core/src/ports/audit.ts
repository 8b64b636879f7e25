import type { AuditAction } from '../audit-actions.ts'

/** One decision that matters: who, what, about whom, and how it came out. Never a token, a password, a code or a text. */
export interface AuditEntry {
  at: number
  action: AuditAction
  /** `ok`: it took effect. `denied`: it was refused, and `reason` says why where that is known. */
  outcome: 'ok' | 'denied'
  /** Whose doing it was: a user id, `administrator` for whoever works at the machine itself, `host` for the application that embeds Mesh, `server`; absent where unknown. */
  actor?: string | undefined
  room_id?: string | undefined
  /** The device, the peer and the network address of the actor, where they are known. */
  device_id?: string | undefined
  peer_id?: string | undefined
  address?: string | undefined
  /** The id of whom or what it was done to: a user, device, peer, terminal, login or invitation. */
  target?: string | undefined
  /** The request that was refused or that read something: a type of event, a name of a route or an operation. */
  request?: string | undefined
  /** An error code or a constant word. */
  reason?: string | undefined
  role?: string | undefined
  caps?: readonly string[] | undefined
  /** What was changed, field by field: `admin=true`; the name alone where the value is a text of somebody's. */
  changes?: readonly string[] | undefined
  /** The capability token, the signing key, the login, the grant of a terminal that it is about. */
  jti?: string | undefined
  kid?: string | undefined
  sid?: string | undefined
  fence?: number | undefined
  /** How often it happened within a minute, where one entry stands for many. */
  count?: number | undefined
}

/** What is to be noted; the instant is added. */
export type AuditEvent = Omit<AuditEntry, 'at'>

/** An entry in its place in the chain. */
export interface AuditRecord extends AuditEntry {
  /** Gapless from 1 on. */
  seq: number
  /** The `hash` of the entry before it; empty for the first. */
  prev_hash: string
  /** SHA-256 over `prev_hash`, `seq` and the entry, URL-safe: see `audit-chain.ts`. */
  hash: string
}

/** Which entries are asked for; all of them that are given must fit. */
export interface AuditFilter {
  /** Not before this instant. */
  since?: number | undefined
  actor?: string | undefined
  room_id?: string | undefined
  action?: string | undefined
}

/**
 * The log of what was decided. It only ever grows: nothing in Mesh changes or removes an entry. Each entry is chained to
 * the one before it, so that one that was changed, taken out or put in later is found.
 */
export interface AuditStore {
  /** Puts an entry at the end. Appends are serial, whichever node they come from. */
  append(entry: AuditEntry): Promise<void>
  /** Entries by ascending `seq`, after the one given; with `latest` the last ones. */
  list(
    page: { after?: number | undefined; limit: number; latest?: boolean | undefined } & AuditFilter,
  ): Promise<AuditRecord[]>
  /** Where the chain ends, as it was noted apart from the entries with the last append; `seq` 0 before the first. */
  head(): Promise<AuditHead>
}

/** The end of a chain. */
export interface AuditHead {
  seq: number
  hash: string
}
