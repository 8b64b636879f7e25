import { MeshError, type Notifier, type NotifyTargetStore } from '@mesh/core'
import type { Seal } from './seal.ts'

/** The tokens by which a service knows the recipients of notifications. What is in the database is sealed. */
export interface NotifyTokens {
  /** @throws MeshError UNAVAILABLE where the storage is away or the key is not the one */
  tokenOf(user_id: string): Promise<string | undefined>
  /** @throws MeshError BAD_MESSAGE for what cannot be a token */
  set(user_id: string, token: string): Promise<void>
  /** False where there was none. */
  remove(user_id: string): Promise<boolean>
  /** Who has one, by ascending id, after the one given. */
  list(page: { after?: string | undefined; limit: number }): Promise<{ user_id: string; updated_at: number }[]>
}

/** Makes a notifier that finds the tokens of recipients here, such as `gotify()` of `@mesh/server/gotify`. */
export type NotifierFactory = (tokens: NotifyTokens) => Notifier

/** @see NotifyTokens */
export function createNotifyTokens(options: {
  targets: NotifyTargetStore
  seal: Seal
  now: () => number
}): NotifyTokens {
  const { targets, seal, now } = options
  return {
    async tokenOf(user_id) {
      const target = await targets.find(user_id)
      return target && seal.open(target.sealed, user_id)
    },
    async set(user_id, token) {
      // What may stand in a header, and no longer than any token is.
      if (!/^[\x21-\x7e]{1,512}$/.test(token)) {
        throw new MeshError('BAD_MESSAGE', 'A token is 1 to 512 letters, digits and signs without spaces', {
          reason: 'token',
        })
      }
      await targets.put({ user_id, sealed: await seal.seal(token, user_id), updated_at: now() })
    },
    remove: (user_id) => targets.remove(user_id),
    async list(page) {
      return (await targets.list(page)).map(({ user_id, updated_at }) => ({ user_id, updated_at }))
    },
  }
}
