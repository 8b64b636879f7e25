import { MeshError } from './errors.ts'

// Controls, and the characters that make text run the other way or show nothing: what a name could hide behind.
const unfit = /[\p{Cc}\p{Cs}\p{Zl}\p{Zp}\u200b-\u200f\u202a-\u202e\u2060-\u2069\ufeff]/u

/**
 * A name as people see it: NFC, trimmed, 1 to `max` code points, one line, nothing invisible or bidirectional.
 * @throws MeshError BAD_MESSAGE
 */
export function cleanName(name: string, path = 'name', max = 64): string {
  const clean = name.normalize('NFC').trim()
  const length = [...clean].length
  if (length < 1 || length > max || unfit.test(clean)) {
    throw new MeshError('BAD_MESSAGE', `A name has 1 to ${max} characters on one line`, { reason: 'name', path })
  }
  return clean
}

/** A name from elsewhere, made fit to be shown; undefined where nothing of it is left. */
export function fitName(name: string, max = 64): string | undefined {
  const shown = name.normalize('NFC').replaceAll(new RegExp(unfit, 'gu'), '').trim()
  return [...shown].slice(0, max).join('').trim() || undefined
}

/** What two login names have in common when they differ in case or in compatibility forms only. */
export function nameKey(username: string): string {
  // Lower case can leave NFKC again (U+0130), hence twice.
  return username.normalize('NFKC').toLowerCase().normalize('NFKC')
}
