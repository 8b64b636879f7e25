import { createHash } from 'node:crypto'
import { createBoundedMap } from '@mesh/core'
import { nameKey } from '../storage/name-key.ts'
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
 * Makes the count. Networks that an account was used from have a count of their own, so that strangers who guess cannot
 * lock anybody out where they usually are.
 */
export function createGuesses(attempts: Attempts): Guesses {
  const known = createBoundedMap<string, true>(100_000)

  function keyOf({ username, user_id, network }: Guess): string {
    const own = user_id === undefined || network === undefined ? undefined : pairOf(user_id, network)
    // Hashed, because a name may be long and there may be many.
    return own !== undefined && known.get(own)
      ? own
      : createHash('sha256').update(nameKey(username)).digest('base64url')
  }

  function seen(user_id: string, network: string | undefined): void {
    if (network !== undefined) known.set(pairOf(user_id, network), true)
  }

  return {
    seen,
    async judge(guess, verify) {
      const key = keyOf(guess)
      attempts.take('account', key)
      const right = await verify().catch((error: unknown) => {
        // Nothing was judged: too many sign in at once.
        attempts.giveBack('account', key)
        throw error
      })
      if (right) {
        attempts.giveBack('account', key)
        if (guess.user_id !== undefined) seen(guess.user_id, guess.network)
      }
      return right
    },
  }
}

const pairOf = (user_id: string, network: string) => `${user_id} ${network}`
