import { isMeshError, type ErrorCode } from './errors.ts'
import type { AuditEntry, AuditEvent, AuditStore, Clock, Logger } from './ports/index.ts'

/** Notes decisions in the audit log. */
export interface Audit {
  /**
   * Notes one. Resolves when it is on disk, and never rejects: an entry that could not be written is logged, counted, and
   * told of in the log itself (`audit.lost`) once it can be written again. Nobody on the way of a signal waits for it.
   *
   * Of the same refusals to the same actor one is written at once; how many more there were within the minute
   * is one further entry at its end, so that a flood of them does not become a flood of entries.
   */
  (event: AuditEvent): Promise<void>
  /**
   * Notes that a request was refused for want of a right, if that is what the error says, and not any other. An error is
   * noted once, by whoever meets it first and knows most about it. The reason is its code unless the event has a better one.
   */
  denied(error: unknown, event: Partial<AuditEvent>): void
  /** Writes what is still being counted. */
  flush(): Promise<void>
}

/** What is said to those who lack a right. */
const denials: ReadonlySet<ErrorCode> = new Set([
  'ACCESS_DENIED',
  'CAP_REQUIRED',
  'CAP_EXPIRED',
  'CAP_INVALID',
  'AUTH_INVALID',
])

/** How long refusals are counted together, in milliseconds. */
const windowMs = 60_000

/** How many actors are told apart within a window; those beyond are counted together, action by action. */
const maxActors = 1_000

/** @see Audit */
export function createAudit({ store, clock, logger }: { store: AuditStore; clock: Clock; logger: Logger }): Audit {
  const noted = new WeakSet<Error>()
  let lost = 0
  let counted = new Map<string, { event: AuditEvent; more: number }>()
  let stopWindow: (() => void) | undefined

  async function append(event: AuditEvent): Promise<void> {
    const at = clock.now()
    const gap = lost
    lost = 0
    try {
      if (gap > 0) await store.append({ at, action: 'audit.lost', outcome: 'denied', actor: 'server', count: gap })
    } catch {
      lost += gap
    }
    try {
      await store.append({ at, ...event })
    } catch (error) {
      lost++
      const code = isMeshError(error) ? error.code : 'INTERNAL'
      logger.error({ action: event.action, code, count: lost }, 'an entry of the audit log was not written')
    }
  }

  /** Whether it is one more of what was just refused, and so only counted. */
  function isRepeated(event: AuditEvent): boolean {
    stopWindow ??= clock.after(windowMs, () => void flush())
    const whose = JSON.stringify([event.action, event.actor ?? event.address, event.request, event.reason])
    const known = counted.get(whose)
    if (known) {
      known.more++
      return true
    }
    if (counted.size < maxActors) {
      counted.set(whose, { event, more: 0 })
      return false
    }
    const others = counted.get(event.action) ?? { event: { action: event.action, outcome: event.outcome }, more: 0 }
    others.more++
    counted.set(event.action, others)
    return true
  }

  async function flush(): Promise<void> {
    stopWindow?.()
    stopWindow = undefined
    const over = counted
    counted = new Map()
    const more = [...over.values()].filter(({ more }) => more > 0)
    await Promise.all(more.map(({ event, more }) => append({ ...event, count: more })))
  }

  const audit = async (event: AuditEvent): Promise<void> => {
    if (event.outcome === 'ok' || !isRepeated(event)) await append(event)
  }
  return Object.assign(audit, {
    flush,
    denied(error: unknown, event: Partial<AuditEvent>) {
      if (!isMeshError(error) || !denials.has(error.code) || noted.has(error)) return
      noted.add(error)
      void audit({ action: 'request.deny', reason: error.code, ...event, outcome: 'denied' })
    },
  })
}

/** Somebody who does something: a principal, a peer, or the administrator at the machine. */
export type Doer =
  | {
      readonly user_id: string
      readonly device_id?: string | undefined
      readonly peer_id?: string | undefined
      readonly address?: string | undefined
    }
  | 'administrator'

/** How the log names whoever does something. */
export function actorOf(doer: Doer): Pick<AuditEntry, 'actor' | 'device_id' | 'peer_id' | 'address'> {
  if (doer === 'administrator') return { actor: doer }
  const { user_id, device_id, peer_id, address } = doer
  return { actor: user_id, device_id, peer_id, address }
}
