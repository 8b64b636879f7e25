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

  /** From now on revocations are noted in this list. */
  raise(): Bar[] {
    const list: Bar[] = []
    this.#lists = (this.#lists ?? new Set()).add(list)
    return list
  }

  lower(list: Bar[]): void {
    this.#lists?.delete(list)
    if (this.#lists?.size === 0) this.#lists = undefined
  }

  note(bar: Bar): void {
    for (const list of this.#lists ?? []) list.push(bar)
  }
}

/** The revocation that meant somebody, if one did. */
export function barOf(principal: Principal, bars: readonly Bar[]): Bar | undefined {
  return bars.find(({ which }) => isMeant(principal, which))
}
