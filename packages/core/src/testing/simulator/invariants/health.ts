import type { Invariant } from './evidence.ts'

/** Nothing breaks by itself: no exception comes out of the engine, and nobody is ever answered INTERNAL. */
export const nothingBreaks: Invariant = ({ entries }) =>
  entries.flatMap((entry) => {
    if (entry.kind === 'broken')
      return [{ invariant: 'nothingBreaks', at: entry.at, what: `${entry.node}: ${entry.what}` }]
    const isInternal = entry.kind === 'hand' && entry.frame.code === 'INTERNAL'
    return isInternal ? [{ invariant: 'nothingBreaks', at: entry.at, what: 'INTERNAL' }] : []
  })
