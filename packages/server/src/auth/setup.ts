import { createHash, randomBytes, timingSafeEqual } from 'node:crypto'
import { isMeshError, MeshError, type Audit, type AuditEntry, type Storage, type User } from '@mesh/core'
import type { Accounts } from './accounts.ts'

/** How long a setup code is good, in milliseconds. */
const codeLifeMs = 15 * 60 * 1000

/** Without letters that look like digits (Crockford's base 32). */
const alphabet = '0123456789ABCDEFGHJKMNPQRSTVWXYZ'

/** The account of a first administrator. */
export interface FirstAccount {
  username: string
  password: string
}

/** How a server without an administrator gets its first one: there is no default password. */
export interface Setup {
  /** Makes a code for {@link use}: 80 random bits, good once and for 15 minutes. Undefined where there is an administrator. */
  newCode(): Promise<string | undefined>
  /** Whether a code was made and there is no administrator still. What once was shut stays so. */
  isOpen(): Promise<boolean>
  /**
   * Makes the first administrator for whoever has the code, which is good again when the account is not fit.
   * @throws MeshError AUTH_INVALID; NOT_FOUND when there is one already; CONFLICT, BAD_MESSAGE as {@link Accounts.create}
   */
  use(code: string, account: FirstAccount, address?: string): Promise<User>
  /**
   * Makes the first administrator without a code, for whoever is at the machine.
   * @throws MeshError CONFLICT (`already_set_up`), BAD_MESSAGE as {@link Accounts.createFirstAdmin}
   */
  finish(account: FirstAccount, by: Pick<AuditEntry, 'actor' | 'address'>): Promise<User>
}

/** @see Setup. `now` is monotonic, in milliseconds. */
export function createSetup(options: {
  storage: Storage
  accounts: Accounts
  audit: (event: Parameters<Audit>[0]) => Promise<void>
  now: () => number
}): Setup {
  const { storage, accounts, audit, now } = options
  let wasOpened = false
  let code: { hash: Buffer; until: number } | undefined

  const finish: Setup['finish'] = async (account, by) => {
    const user = await accounts.createFirstAdmin(account)
    await audit({ action: 'setup.finish', outcome: 'ok', target: user.user_id, ...by })
    return user
  }

  return {
    finish,

    async newCode() {
      if (await storage.users.hasAdmin()) return undefined
      const text = Array.from(randomBytes(16), (byte) => alphabet[byte % alphabet.length]).join('')
      code = { hash: hashOf(text), until: now() + codeLifeMs }
      wasOpened = true
      return text.replace(/.{4}(?=.)/g, '$&-')
    },

    async isOpen() {
      if (wasOpened && (await storage.users.hasAdmin())) wasOpened = false
      return wasOpened
    },

    async use(given, account, address) {
      if (!code || code.until <= now() || !timingSafeEqual(hashOf(given), code.hash)) {
        throw new MeshError(
          'AUTH_INVALID',
          'The setup code is not valid here: it is good at the server that printed it alone, and a restart prints another',
        )
      }
      // Taken before anything is waited for: of two who have it, one gets in.
      const taken = code
      code = undefined
      try {
        return await finish(account, { address })
      } catch (error) {
        if (isMeshError(error) && error.details.reason === 'already_set_up') throw new MeshError('NOT_FOUND')
        code = taken
        throw error
      }
    },
  }
}

/** Of a code as people type it. */
const hashOf = (code: string) =>
  createHash('sha256')
    .update(code.toUpperCase().replace(/[^0-9A-Z]/g, ''))
    .digest()
