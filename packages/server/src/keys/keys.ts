import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import { MeshError, type Keyring, type Logger } from '@mesh/core'
import { withFileLock } from './file-lock.ts'
import { readKeys, writeKeys, type KeyContents, type RevokedKey } from './key-file.ts'
import { advanced, isPublished, maintained, ringNames, type RingName } from './key-ring.ts'
import { changesOf, type KeyChange } from './key-changes.ts'
import { viewsOf, type KeyView } from './key-view.ts'
import { createRotatingKeyring } from './rotating-keyring.ts'

/** How often the files are looked at for what others did, and for what is due, in milliseconds. */
const lookMs = 5_000

/** The signing keys of an installation: agents are only ever shown those for capabilities. */
export interface Keys {
  readonly access: Keyring
  readonly capability: Keyring
  /** Every key there is, without its private part, and those that were revoked. */
  list(): Promise<KeyView[]>
  /**
   * Lets the next key sign, in one ring or in both; what the one before it signed is good until it ends.
   * @throws MeshError CONFLICT when agents may not know the next capability key yet, unless `force`
   */
  rotate(options?: { ring?: RingName | undefined; force?: boolean | undefined }): Promise<KeyView[]>
  /**
   * Revokes keys for ever and at once: nothing they signed is good any more, in this process before anything else
   * happens, in others on the same directory within seconds. A fresh key takes the place of one that signed.
   * @throws MeshError NOT_FOUND for a key that there never was, and then revokes none
   */
  revoke(...kids: readonly string[]): Promise<KeyView[]>
  /**
   * Looks at the files from time to time, does what is due, and tells of what is changed here and of keys that are revoked by
   * whomever; of those before anything else happens. Returns its end.
   */
  watch(listener: (change: KeyChange) => void, logger: Logger): () => void
}

/** Where keys are kept, and for how long each signs. */
export interface KeysOptions {
  directory: string
  /** How long a key signs before the next one does, in milliseconds; 0: until told. */
  rotationMs: number
  /** Milliseconds since 1970. */
  now: () => number
}

/**
 * The signing keys in `keys.json`, mode 0600, made on the first start. They live beside the database and not in it, so that
 * a copy of the data is no licence to sign. Several processes may use one directory: each change is made under a lock, on
 * what the files say then.
 * @throws Error with one sentence when a file can be read by others, or is no file of keys.
 */
export async function openKeys({ directory, rotationMs, now }: KeysOptions): Promise<Keys> {
  const rings = { access: createRotatingKeyring(), capability: createRotatingKeyring() }
  const revoked = new Map<string, RevokedKey>()
  let known: KeyContents = { access: [], capability: [], revoked: [] }
  let tell = (_change: KeyChange) => {}

  /** From here on nothing in this process takes what the key signed. */
  function bar(key: RevokedKey, by?: 'administrator'): void {
    if (revoked.has(key.kid)) return
    revoked.set(key.kid, key)
    rings[key.ring].revoke(key.kid)
    tell({ action: 'key.revoke', kid: key.kid, ...(by && { by }) })
  }

  /** Contents as they should be: without what was revoked, there or here, and with what is due done. */
  async function settled(contents: KeyContents): Promise<KeyContents> {
    const there = new Set(contents.revoked.map(({ kid }) => kid))
    const all = [...contents.revoked, ...[...revoked.values()].filter(({ kid }) => !there.has(kid))]
    const dead = new Set(all.map(({ kid }) => kid))
    const ring = (name: RingName) => {
      const good = contents[name].filter(({ jwk }) => !dead.has(jwk.kid))
      return maintained(good, now(), rotationMs)
    }
    return { access: await ring('access'), capability: await ring('capability'), revoked: all }
  }

  async function update(
    change = (contents: KeyContents) => contents,
    by: 'administrator' | 'server' = 'server',
  ): Promise<KeyView[]> {
    await mkdir(directory, { recursive: true, mode: 0o700 })
    return withFileLock(join(directory, 'keys.lock'), async () => {
      const found = await readKeys(directory, now())
      const wanted = await settled(change(found ?? known))
      const isChange = !found || !isSame(found, wanted)
      if (isChange) await writeKeys(directory, wanted)
      if (!isSame(known, wanted)) {
        for (const name of ringNames) rings[name].replace(wanted[name])
        for (const key of wanted.revoked) bar(key)
        known = wanted
      }
      if (isChange) for (const event of changesOf(found, wanted)) tell({ ...event, by })
      return viewsOf(known, rotationMs)
    })
  }

  const ringOf = (kid: string) =>
    ringNames.find((name) => known[name].some(({ jwk }) => jwk.kid === kid)) ?? revoked.get(kid)?.ring

  await update()

  return {
    ...rings,
    list: () => update(),

    rotate({ ring, force = false } = {}) {
      const meant = ring === undefined ? ringNames : [ring]
      return update((contents) => {
        if (!force && meant.includes('capability') && !isPublished(contents.capability, now())) {
          throw new MeshError('CONFLICT', 'Agents may not know the next key yet', { reason: 'unpublished_key' })
        }
        const rotated = meant.map((name) => [name, advanced(contents[name], now())] as const)
        return { ...contents, ...Object.fromEntries(rotated) }
      }, 'administrator')
    },

    async revoke(...kids) {
      if (!kids.every(ringOf)) await update()
      const keys = kids.map((kid) => {
        const ring = ringOf(kid)
        if (!ring) throw new MeshError('NOT_FOUND', 'No such key')
        return { kid, ring, since: now() }
      })
      // In memory first: that holds even where the disk is full, and is written as soon as it no longer is.
      for (const key of keys) bar(key, 'administrator')
      return update()
    },

    watch(listener, logger) {
      tell = listener
      let ended = false
      let trouble = ''
      let timer = setTimeout(look, lookMs).unref()
      async function look(): Promise<void> {
        const problem = await update().then(() => '', nameOf)
        if (problem !== '' && problem !== trouble)
          logger.warn({ error: problem }, 'the signing keys cannot be read or written')
        trouble = problem
        if (!ended) timer = setTimeout(look, lookMs).unref()
      }
      return () => {
        ended = true
        clearTimeout(timer)
      }
    },
  }
}

const isSame = (a: KeyContents, b: KeyContents) => JSON.stringify(a) === JSON.stringify(b)

const nameOf = (error: unknown) => (error instanceof Error ? error.name : 'unknown')
