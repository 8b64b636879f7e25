import { MeshError, type Notifier, type NotifyTargetStore } from '@mesh/core'
import type { Seal } from './seal.ts'

/** The tokens by which a service knows the recipients of notifications. What is in the database is sealed. */
export interface NotifyTokens {
  /** @throws MeshError UNAVAILABLE where the storage is away or the key is not the one */
  tokenOf(user_id: string): Promise<string | undefined>
  /** @throws MeshError BAD_MESSAGE for what cannot be a token; UNAVAILABLE where the tokens of others are sealed with another key */
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

  /** Of nodes with different keys each could open only what it sealed itself. One other says which key it is. */
  async function requireKeyOfOthers(user_id: string): Promise<void> {
    const other = (await targets.list({ limit: 2 })).find((target) => target.user_id !== user_id)
    if (!other) return
    await seal.open(other.sealed, other.user_id).catch(() => {
      throw new MeshError(
        'UNAVAILABLE',
        'The tokens of others are sealed with another notify.key: restore that, or remove them first',
      )
    })
  }

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
      const sealed = await seal.seal(token, user_id)
      await requireKeyOfOthers(user_id)
      await targets.put({ user_id, sealed, updated_at: now() })
    },
    remove: (user_id) => targets.remove(user_id),
    async list(page) {
      return (await targets.list(page)).map(({ user_id, updated_at }) => ({ user_id, updated_at }))
    },
  }
}
