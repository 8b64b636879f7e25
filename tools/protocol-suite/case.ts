import type { World } from './world.ts'

/** One rule of the contract and how to see, from outside, whether a server keeps it. */
export interface Case {
  /** `<area>.<what>`: stable, for `--only` and for reports. */
  readonly id: string
  /** Where in the contract the rule stands, e.g. `§7`. */
  readonly section: string
  /** The rule in one sentence. */
  readonly rule: string
  /** Seconds that it waits for timeouts of the contract's; the longest are started first, beside all the others. */
  readonly waits: number
  run(t: World): Promise<void>
}

/** Writes a case down. */
export const rule = (id: string, section: string, rule: string, run: Case['run']): Case => ({
  id,
  section,
  rule,
  waits: 0,
  run,
})

/** A case that has to wait so many seconds for one of the contract's timeouts. */
export const slowRule = (waits: number, ...args: Parameters<typeof rule>): Case => ({ ...rule(...args), waits })
