import type { MeshError } from '@mesh/core/errors'
import type { Deferred } from './deferred.ts'

/** A frame that waits for its answer. */
export interface Pending {
  readonly id: string
  readonly type: string
  readonly to: string
  readonly payload: object
  readonly answer: Deferred<never>
  /** Milliseconds to wait for the answer while there is a connection; undefined where the deadline is the caller's own. */
  readonly patienceMs: number | undefined
}

/** What waits for an answer, by the id of what was sent. */
export interface Requests {
  /** Waits for the answer of what was just sent; `online` says whether it is on its way already. */
  wait<T>(request: Omit<Pending, 'answer'>, answer: Deferred<T>, online: boolean): Promise<T>
  /** What a frame answers. */
  answeredBy(reply_to: string | undefined): Pending | undefined
  /** There is no connection for now: time does not count. */
  pause(): void
  /** The connection is back. */
  goOn(): void
  /** The session they belonged to is over: rejects them all but some, and returns those. */
  abandon(error: MeshError, except?: (request: Pending) => boolean): Pending[]
}

/** @see Requests */
export function createRequests(): Requests {
  const pending = new Map<string, Pending>()

  return {
    async wait<T>(request: Omit<Pending, 'answer'>, answer: Deferred<T>, online: boolean): Promise<T> {
      // What the reply to a request carries is the table's word: see `Reply`.
      const waiting = { ...request, answer: answer as Deferred<never> }
      pending.set(request.id, waiting)
      if (online) hurry(waiting)
      try {
        return await answer.promise
      } finally {
        pending.delete(request.id)
      }
    },
    answeredBy: (reply_to) => (reply_to === undefined ? undefined : pending.get(reply_to)),
    pause() {
      for (const { answer, patienceMs } of pending.values()) if (patienceMs !== undefined) answer.within(undefined)
    },
    goOn: () => pending.forEach(hurry),
    abandon(error, except = () => false) {
      const kept = [...pending.values()].filter(except)
      for (const request of pending.values()) {
        if (kept.includes(request)) hurry(request)
        else request.answer.reject(error)
      }
      return kept
    },
  }

  function hurry({ answer, patienceMs }: Pending): void {
    if (patienceMs !== undefined) answer.within(patienceMs)
  }
}
