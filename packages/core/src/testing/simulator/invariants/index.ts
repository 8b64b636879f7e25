import type { History } from '../history.ts'
import { requestsAreAnswered } from './answers.ts'
import { usesAreCovered } from './capability.ts'
import { evidenceOf, type Invariant, type Violation } from './evidence.ts'
import { endedIsNotRenewed, fencesRise, heldIsNotGranted, onlyMembersControl } from './terminals.ts'
import { transfersStayInside } from './transfers.ts'

export type { Violation }
import { nothingBreaks } from './health.ts'
import { chatIsInOrder, chatIsKept, commitsAreGapless, logIsSound } from './log.ts'
import { barredHearNothing, exMembersHearNothing, nobodyIsBarredForNothing, nothingFollowsLeaving } from './removal.ts'
import { nothingComesTwice, resumedMissNothing, resumesAreEarned } from './resume.ts'
import { membersHearAll } from './rooms.ts'
import { candidatesAreInOrder, signalsStayInside } from './signaling.ts'

/** What must hold of every history, whatever the seed and whatever broke. */
export const invariants: readonly Invariant[] = [
  nothingBreaks,
  logIsSound,
  commitsAreGapless,
  chatIsKept,
  chatIsInOrder,
  membersHearAll,
  nothingFollowsLeaving,
  exMembersHearNothing,
  barredHearNothing,
  nobodyIsBarredForNothing,
  requestsAreAnswered,
  usesAreCovered,
  signalsStayInside,
  candidatesAreInOrder,
  resumedMissNothing,
  nothingComesTwice,
  resumesAreEarned,
  fencesRise,
  heldIsNotGranted,
  onlyMembersControl,
  endedIsNotRenewed,
  transfersStayInside,
]

/** Everything in a history that must not be. */
export function violationsOf(history: History): Violation[] {
  const evidence = evidenceOf(history)
  return invariants.flatMap((invariant) => invariant(evidence))
}
