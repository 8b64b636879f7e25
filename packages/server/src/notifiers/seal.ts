import { createCipheriv, createDecipheriv, randomBytes } from 'node:crypto'
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { MeshError } from '@mesh/core'
import { withFileLock } from '../keys/file-lock.ts'
import { readPrivate, writePrivate } from '../keys/private-file.ts'

/** Seals short secrets for the database, with a key that is not in it. */
export interface Seal {
  /** Seals a text for an owner. @throws MeshError UNAVAILABLE where its file is gone, or not fit to be used */
  seal(text: string, owner: string): Promise<string>
  /** What was sealed for this owner. @throws MeshError UNAVAILABLE where the key is another, or it was tampered with */
  open(sealed: string, owner: string): Promise<string>
}

/** In the name of the format, so that another may follow. */
const format = 'v1'
const tagBytes = 16
const keyBytes = 32

/**
 * A seal whose key is `notify.key` in the directory of the signing keys, which is there. AES-256-GCM. The key is made where
 * there is none, so that it can be copied to another node before anything is sealed; one that there is stays, fit or not.
 */
export async function openSeal(directory: string): Promise<Seal> {
  const file = join(directory, 'notify.key')
  let known: Buffer | undefined

  if (!existsSync(file)) {
    await withFileLock(join(directory, 'keys.lock'), async () => {
      if (!existsSync(file)) await writePrivate(file, `${randomBytes(keyBytes).toString('base64url')}\n`)
    })
  }

  async function readKey(): Promise<Buffer> {
    const text = await readPrivate(file).catch((error: unknown) => {
      throw new MeshError('UNAVAILABLE', error instanceof Error ? error.message : undefined)
    })
    if (text === undefined) throw new MeshError('UNAVAILABLE', `${file} is gone: restore it`)
    const key = Buffer.from(text.trim(), 'base64url')
    if (key.length === keyBytes) return key
    throw new MeshError(
      'UNAVAILABLE',
      `${file} holds no key: restore it, or remove it and every token, and restart the server`,
    )
  }

  return {
    async seal(text, owner) {
      known ??= await readKey()
      const iv = randomBytes(12)
      const cipher = createCipheriv('aes-256-gcm', known, iv).setAAD(Buffer.from(owner))
      const parts = [iv, cipher.update(text, 'utf8'), cipher.final(), cipher.getAuthTag()]
      return `${format}.${Buffer.concat(parts).toString('base64url')}`
    },

    async open(sealed, owner) {
      known ??= await readKey()
      const [version, body = ''] = sealed.split('.')
      const bytes = Buffer.from(body, 'base64url')
      try {
        if (version !== format) throw new Error('another format')
        const iv = bytes.subarray(0, 12)
        const decipher = createDecipheriv('aes-256-gcm', known, iv, { authTagLength: tagBytes })
        decipher.setAAD(Buffer.from(owner)).setAuthTag(bytes.subarray(-tagBytes))
        return Buffer.concat([decipher.update(bytes.subarray(12, -tagBytes)), decipher.final()]).toString('utf8')
      } catch {
        throw new MeshError('UNAVAILABLE', 'notify.key in the data directory is not the one with which this was sealed')
      }
    },
  }
}
