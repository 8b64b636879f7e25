/**
 * The bytes that a webhook's secret signs with: what is base64 after `whsec_`, or else the text itself. Undefined where they
 * are fewer than 24, or no base64: Buffer drops what is none without a word, and would sign with what is left.
 */
export function signingKeyOf(secret: string): Buffer | undefined {
  const [, base64] = /^whsec_(.*)$/s.exec(secret) ?? []
  const key = base64 === undefined ? Buffer.from(secret) : Buffer.from(base64, 'base64')
  const isWhole = base64 === undefined ? secret.length >= 24 : key.length >= 24 && key.toString('base64') === base64
  return isWhole ? key : undefined
}

/** Completes the sentence "... must be ...". */
export const secretRule = 'whsec_ and at least 24 random bytes in base64, or at least 24 random characters'
