import type { Principal } from './context.ts'
import type { CloseReason } from './errors.ts'
import { isMeant, type Selector } from './selector.ts'

/** A revocation: whom it meant, and what they are told. */
export interface Bar {
  readonly which: Selector
  readonly reason: CloseReason
}

/**
 * The revocations that come while it is being found out who somebody is: what was read then may be older than they are.
 * There is a list for each that asks, and none while nobody does; it is put down only after the answer was used, or a
 * revocation could slip in between.
 */
export class Bars {
  #lists: Set<Bar[]> | undefined

  /** Notes the revocations that come while somebody is asked and what they answer is put to use: `work` does both. */
  async during<T>(work: (bars: readonly Bar[]) => Promise<T>): Promise<T> {
    const list: Bar[] = []
    const lists = (this.#lists ??= new Set()).add(list)
    try {
      return await work(list)
    } finally {
      lists.delete(list)
      // Most connections are idle, and even an empty set weighs something.
      if (lists.size === 0) this.#lists = undefined
    }
  }

  note(bar: Bar): void {
    for (const list of this.#lists ?? []) list.push(bar)
  }
}

/** Whether a revocation meant somebody while it was being found out who they are: if one did, it closes the connection. */
export function isBarred(
  connection: { close(reason: CloseReason): void },
  principal: Principal,
  bars: readonly Bar[],
): boolean {
  const bar = bars.find(({ which }) => isMeant(principal, which))
  if (bar) connection.close(bar.reason)
  return bar !== undefined
}
