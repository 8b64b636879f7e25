import type { Random } from './random.ts'

/** The faults that a run may be given. */
export const faults = [
  'storage',
  'loss',
  'half_open',
  'slow_reader',
  'pause',
  'crash',
  'stop',
  'bus_cut',
  'bus_loss',
  'clock_jump',
] as const

/** The name of a fault. */
export type Fault = (typeof faults)[number]

/** What a seed sets up before anything happens. */
export interface Plan {
  readonly nodes: number
  readonly users: number
  readonly clients: number
  readonly rooms: number
  /** Whether little is held for a peer that is slow or away, so that it soon is too much. */
  readonly isTight: boolean
  /** How long everybody acts, in milliseconds. */
  readonly duration: number
  /** How long a client thinks between two acts at most, in milliseconds. */
  readonly pace: number
  /** The longest way of a frame, a message of the bus and a call of the storage, in milliseconds. */
  readonly delays: { readonly frame: number; readonly bus: number; readonly storage: number }
  /**
   * What may go wrong. Each seed breaks some things and leaves others whole, since a fault that is always there hides
   * what only happens without it.
   */
  readonly faults: ReadonlySet<Fault>
}

/** Draws the plan of a run. */
export function planFor(random: Random): Plan {
  const isQuiet = random.chance(0.15)
  return {
    nodes: random.chance(4 / 9) ? 1 : 1 + random.below(3),
    users: 3 + random.below(2),
    clients: 4 + random.below(3),
    rooms: 1 + random.below(2),
    isTight: random.chance(0.3),
    duration: random.between(8_000, 16_000),
    pace: random.between(400, 1_500),
    delays: {
      frame: random.between(1, 60),
      bus: random.between(1, 120),
      storage: random.between(0.1, random.pick([5, 120, 400]) ?? 5),
    },
    faults: new Set(isQuiet ? [] : faults.filter(() => random.chance(0.4))),
  }
}
