/** How the media goes: from peer to peer, or through a TURN relay. */
export type Path = 'direct' | 'relayed'

interface Stat {
  readonly type: string
  readonly [field: string]: unknown
}

/** Reads the path from the statistics of a connection; undefined while no candidate pair is selected. */
export function pathOf(stats: Iterable<readonly [string, Stat]>): Path | undefined {
  const byId = new Map(stats)
  const all = [...byId.values()]
  const selected = all.find(({ type, selectedCandidatePairId }) => type === 'transport' && selectedCandidatePairId)
  const pair = selected
    ? byId.get(String(selected['selectedCandidatePairId']))
    : // Firefox has no transport statistics and marks the pair instead.
      all.find(({ type, selected }) => type === 'candidate-pair' && selected === true)
  if (!pair) return undefined
  const ends = [pair['localCandidateId'], pair['remoteCandidateId']].map((id) => byId.get(String(id)))
  return ends.some((end) => end?.['candidateType'] === 'relay') ? 'relayed' : 'direct'
}
