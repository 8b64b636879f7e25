import type { World } from './world.ts'

/** One rule of the contract and how to see, from outside, whether a server keeps it. */
export interface Case {
  /** `<area>.<what>`: stable, for `--only` and for reports. */
  readonly id: string
  /** Where in the contract the rule stands, e.g. `§7`. */
  readonly section: string
  /** The rule in one sentence. */
  readonly rule: string
  /** Waits for a timeout of the contract's; started first, beside all the others. */
  readonly slow: boolean
  run(t: World): Promise<void>
}

/** Writes a case down. */
export const rule = (id: string, section: string, rule: string, run: Case['run']): Case => ({
  id,
  section,
  rule,
  slow: false,
  run,
})

/** A case that has to wait for one of the contract's longer timeouts. */
export const slowRule = (...args: Parameters<typeof rule>): Case => ({ ...rule(...args), slow: true })
