import { nameKey } from '@mesh/core/names'
import type { Attempts } from './attempts.ts'

/** Who tries a password, and on which account. */
export interface Guess {
  /** The login name, whether there is such an account or not. */
  username: string
  user_id: string | undefined
  /** Where it comes from, where that is known. */
  network: string | undefined
}

/** Counts wrong passwords by account, wherever they come from. */
export interface Guesses {
  /** Lets a password be judged; only a wrong one counts. @throws MeshError RATE_LIMITED */
  judge(guess: Guess, verify: () => Promise<boolean>): Promise<boolean>
  /** Notes that an account is used from a network. */
  seen(user_id: string, network: string | undefined): void
}

/**
 * Makes the count: by name, and by name and network. Where many wrong ones came from anywhere, only networks that the account
 * was used from get in any more, with the right password, so that strangers who guess lock nobody out where they usually are.
 * All else that is seen from outside, answers and time, is the same for a name that is nobody's.
 */
export function createGuesses(attempts: Attempts): Guesses {
  function seen(user_id: string, network: string | undefined): void {
    if (network !== undefined) attempts.welcome(pairOf(user_id, network))
  }

  const isKnown = ({ user_id, network }: Guess) =>
    user_id !== undefined && network !== undefined && attempts.isWelcome(pairOf(user_id, network))

  return {
    seen,
    async judge(guess, verify) {
      const { username, user_id, network } = guess
      const there = network === undefined ? undefined : keyOf(username, network)
      const anywhere = keyOf(username)
      attempts.take('account', there)
      const lock = refusal(() => attempts.take('account', anywhere))
      if (lock && there === undefined) throw lock
      const giveBack = () => {
        attempts.giveBack('account', there)
        if (!lock) attempts.giveBack('account', anywhere)
      }
      // Even where it is of no use: that it takes no time would tell that nobody is known there.
      const right = await verify().catch((error: unknown) => {
        // Nothing was judged: too many sign in at once.
        giveBack()
        throw error
      })
      if (lock && !(right && isKnown(guess))) throw lock
      if (right) {
        giveBack()
        if (user_id !== undefined) seen(user_id, network)
      }
      return right
    },
  }
}

function refusal(take: () => void): unknown {
  try {
    take()
    return undefined
  } catch (error) {
    return error
  }
}

const keyOf = (username: string, network = '') => `${network}\0${nameKey(username)}`

const pairOf = (user_id: string, network: string) => `${user_id} ${network}`
