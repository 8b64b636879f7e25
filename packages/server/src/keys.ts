import { chmod, mkdir, open, readFile, stat } from 'node:fs/promises'
import { dirname } from 'node:path'
import { generateSigningKey, type Keyring, type PrivateJwk } from '@mesh/core'
import * as v from 'valibot'
import { createNodeKeyring } from './node-keyring.ts'

/** Separate keys for separate kinds of token (RFC 8725 section 3.12): agents are only ever shown those for capabilities. */
export interface Keys {
  readonly access: Keyring
  readonly capability: Keyring
}

const privateJwk = v.strictObject({
  kty: v.literal('OKP'),
  crv: v.literal('Ed25519'),
  x: v.string(),
  d: v.string(),
  kid: v.pipe(v.string(), v.regex(/^[A-Za-z0-9_-]{1,64}$/)),
})
const keyFile = v.strictObject({
  access: v.pipe(v.array(privateJwk), v.minLength(1)),
  capability: v.pipe(v.array(privateJwk), v.minLength(1)),
})

/**
 * The signing keys in a file of mode 0600, made on the first start. They live beside the database and not in it, so that
 * a copy of the data is no licence to sign.
 * @throws Error with one sentence when the file can be read by others, or is not a key file.
 */
export async function loadKeys(file: string): Promise<Keys> {
  const text = (await readPrivate(file)) ?? (await makeFile(file))
  const parsed = v.safeParse(keyFile, parseJson(text))
  if (!parsed.success) throw new Error(`${file} is not a file of signing keys.`)
  return { access: ringOf(parsed.output.access), capability: ringOf(parsed.output.capability) }
}

async function readPrivate(file: string): Promise<string | undefined> {
  try {
    const { mode } = await stat(file)
    if (process.platform !== 'win32' && (mode & 0o077) !== 0) {
      throw new Error(`${file} can be read by other users: run chmod 600 on it.`)
    }
    return await readFile(file, 'utf8')
  } catch (error) {
    if (isCode(error, 'ENOENT')) return undefined
    throw error
  }
}

async function makeFile(file: string): Promise<string> {
  const text = JSON.stringify(
    { access: [await generateSigningKey()], capability: [await generateSigningKey()] },
    null,
    2,
  )
  await mkdir(dirname(file), { recursive: true, mode: 0o700 })
  try {
    const handle = await open(file, 'wx', 0o600)
    await handle.writeFile(text)
    await handle.sync()
    await handle.close()
  } catch (error) {
    // Another process was first: its keys are the keys.
    if (isCode(error, 'EEXIST')) return await readFile(file, 'utf8')
    throw error
  }
  await chmod(file, 0o600)
  return text
}

function ringOf([first, ...rest]: PrivateJwk[]): Keyring {
  if (!first) throw new Error('A ring has at least one key.')
  return createNodeKeyring([first, ...rest])
}

function isCode(error: unknown, code: string): boolean {
  return error instanceof Error && 'code' in error && error.code === code
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}
