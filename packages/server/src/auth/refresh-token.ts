import { createHash, createHmac, randomBytes, timingSafeEqual } from 'node:crypto'
import { MeshError, type Login } from '@mesh/core'

/** A refresh token as its login knows it. */
export interface RefreshToken {
  sid: string
  /** How many refreshes came before it. */
  generation: number
  /** SHA-256, hex: enough for a secret of 256 random bits, where a slow hash would let anybody burn our CPU. */
  hash: string
  /** Whether it was ever issued for this login, and not made up by somebody who knows no more than its id. */
  isOf(login: Pick<Login, 'token_key'>): boolean
}

// 32 random bytes, 4 of the generation, 12 of the tag: 64 characters.
const secretBytes = 32
const bodyBytes = secretBytes + 4

/** Makes the refresh token of a generation. */
export function newRefreshToken(
  { sid, token_key }: Pick<Login, 'sid' | 'token_key'>,
  generation: number,
): { token: string; hash: string } {
  const body = Buffer.alloc(bodyBytes)
  randomBytes(secretBytes).copy(body)
  body.writeUInt32BE(generation, secretBytes)
  const text = Buffer.concat([body, tagOf(body, token_key)]).toString('base64url')
  return { token: `mrt_${sid}.${text}`, hash: hashOf(text) }
}

/** Reads a refresh token. @throws MeshError AUTH_INVALID where it is not written like one */
export function readRefreshToken(token: string): RefreshToken {
  const [, sid, text] = /^mrt_(sess_[\w-]{22,64})\.([\w-]{64})$/.exec(token) ?? []
  if (sid === undefined || text === undefined) throw invalidRefreshToken()
  const bytes = Buffer.from(text, 'base64url')
  const body = bytes.subarray(0, bodyBytes)
  return {
    sid,
    generation: body.readUInt32BE(secretBytes),
    hash: hashOf(text),
    isOf: ({ token_key }) => timingSafeEqual(bytes.subarray(bodyBytes), tagOf(body, token_key)),
  }
}

/** The one answer to every refresh token that is not good. */
export const invalidRefreshToken = () => new MeshError('AUTH_INVALID', 'The refresh token is not valid')

const hashOf = (text: string) => createHash('sha256').update(text).digest('hex')
const tagOf = (body: Buffer, key: string) => createHmac('sha256', key).update(body).digest().subarray(0, 12)
