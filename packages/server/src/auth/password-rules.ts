import { MeshError } from '@mesh/core/errors'

/** The bounds of a password. */
export const passwordLimits = {
  /** Fewest characters (Unicode code points). */
  minCharacters: 12,
  /** Most bytes in UTF-8: bcrypt reads no further. */
  maxBytes: 72,
} as const

// The passwords of at least 12 characters that lead the lists of leaked ones.
const common = new Set([
  '000000000000',
  '111111111111',
  '012345678910',
  '112233445566',
  '121212121212',
  '123123123123',
  '123456123456',
  '123456789000',
  '123456789012',
  '123456789123',
  '1234567890123',
  '12345678901234',
  '123456789abc',
  '1234qwerasdf',
  '1q2w3e4r5t6y',
  '1q2w3e4r5t6y7u',
  '1qaz2wsx3edc',
  '1qaz2wsx3edc4rfv',
  '987654321098',
  'abc123456789',
  'abcd12345678',
  'abcdefghijkl',
  'administrator',
  'admin1234567',
  'adminadmin123',
  'changemeplease',
  'correcthorsebatterystaple',
  'iloveyou1234',
  'iloveyouforever',
  'letmein12345',
  'password1234',
  'password12345',
  'password123456',
  'password123!',
  'passwordpassword',
  'q1w2e3r4t5y6',
  'qazwsxedcrfv',
  'qweasdzxc123',
  'qwerty123456',
  'qwertyqwerty',
  'qwertyuiop12',
  'qwertyuiop123',
  'qwertyuiopasdfghjkl',
  'zaq12wsxcde3',
  'welcome12345',
])

// A lone surrogate (the u flag pairs the others), or U+0000.
const unusable = /[\p{Surrogate}\0]/u

/**
 * Whether a new password may be used, in the form to hash (NFC).
 *
 * @throws MeshError BAD_MESSAGE with a sentence for the person and a constant `reason`: `password_characters` (a lone surrogate or
 * U+0000), `password_too_short`, `password_too_long`, `password_common`.
 */
export function checkPassword(password: string): string {
  if (unusable.test(password)) {
    throw refusal('password_characters', 'A password must be well-formed Unicode text without U+0000')
  }
  const normal = comparable(password)
  if (normal === undefined) {
    throw refusal('password_too_long', `A password must have at most ${passwordLimits.maxBytes} bytes in UTF-8`)
  }
  if (Array.from(normal).length < passwordLimits.minCharacters) {
    throw refusal('password_too_short', `A password must have at least ${passwordLimits.minCharacters} characters`)
  }
  if (common.has(normal.toLowerCase())) {
    throw refusal('password_common', 'This password is one of the most common ones: choose another')
  }
  return normal
}

/**
 * The form of a password that may be compared with a hash: NFC, so that it does not matter which keyboard it was typed on.
 * Undefined where bcrypt would take it for another one: it replaces lone surrogates, and cuts at 72 bytes. The rules for new
 * passwords are not applied here: a stricter rule must not lock out those who have an old one.
 */
export function comparable(password: string): string | undefined {
  const { maxBytes } = passwordLimits
  // NFC shortens at most fourfold, and sorting a long run of combining marks takes quadratic time.
  if (password.length > 4 * maxBytes || unusable.test(password)) return undefined
  const normal = password.normalize('NFC')
  return Buffer.byteLength(normal) > maxBytes ? undefined : normal
}

function refusal(reason: string, message: string): MeshError {
  return new MeshError('BAD_MESSAGE', message, { reason })
}
