import type { Ids } from '../../ids.ts'
import { createManualClock, type ManualClock } from '../manual-clock.ts'
import type { Entry, Happening } from './history.ts'
import { createSeededIds } from './ids.ts'
import { planFor, type Fault, type Plan } from './plan.ts'
import { createRandom, type Random } from './random.ts'

/** What all parts of a run share: one source of chance, one clock, one record. */
export interface World {
  readonly random: Random
  readonly clock: ManualClock
  readonly ids: Ids
  readonly plan: Plan
  readonly entries: readonly Entry[]
  /** Whether faults still happen; false once the run is to come to rest. */
  isRestless: boolean
  record(happening: Happening): void
  /** Whether this fault happens now. */
  strikes(fault: Fault, likelihood: number): boolean
  /** Runs something after up to `most` milliseconds. */
  soon(most: number, run: () => void): void
  /** Lets `ms` milliseconds pass: one timer at a time, each with all that follows from it. */
  pass(ms: number): Promise<void>
}

/** @see World */
export function createWorld(seed: number, overrides: Partial<Plan> = {}): World {
  const random = createRandom(seed)
  const clock = createManualClock()
  const plan = { ...planFor(random), ...overrides }
  const entries: Entry[] = []
  let step = 0

  const world: World = {
    random,
    clock,
    plan,
    entries,
    ids: createSeededIds(random),
    isRestless: true,
    record: (happening) => void entries.push({ at: clock.monotonic(), step, ...happening }),
    strikes(fault, likelihood) {
      if (!world.isRestless || !plan.faults.has(fault) || !random.chance(likelihood)) return false
      world.record({ kind: 'fault', fault })
      return true
    },
    soon: (most, run) => void clock.after(random.between(0, most), run),
    async pass(ms) {
      const until = clock.monotonic() + ms
      clock.after(ms, () => {})
      for (step++; clock.step(until); step++) await rest()
    },
  }
  return world
}

// Nothing of a run waits for a real timer or for I/O, so a turn of the event loop later every promise has come to rest.
// Not every platform has setImmediate; it spares the millisecond that a timer takes at least.
const { setImmediate: immediately = (run: () => void) => void setTimeout(run, 0) } = globalThis as {
  setImmediate?: (run: () => void) => void
}
const rest = () => new Promise<void>((resolve) => immediately(resolve))
