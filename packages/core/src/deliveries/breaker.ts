import type { DeliverySettings } from './settings.ts'

/** Leaves a service alone that fails again and again. */
export interface Breaker {
  /** How many may be tried now: none while it is open, one to find out whether that is over, any number otherwise. */
  admits(now: number): number
  succeeded(): void
  failed(now: number): void
}

/** @see Breaker; `now` is monotonic. */
export function createBreaker({ failures, pauseMs }: DeliverySettings['breaker']): Breaker {
  let inARow = 0
  let openUntil = -Infinity
  return {
    admits: (now) => (now < openUntil ? 0 : inARow >= failures ? 1 : Infinity),
    succeeded() {
      inARow = 0
    },
    failed(now) {
      inARow++
      if (inARow >= failures) openUntil = now + pauseMs
    },
  }
}
