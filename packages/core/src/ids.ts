import { base64url } from 'jose'
import type { IdKind } from './define.ts'

/** Makes ids. Injected, so that a run under one seed repeats. */
export interface Ids {
  /** A fresh object id: its kind and 128 random bits, URL-safe. */
  id(kind: IdKind): string
  /** A fresh UUID for an envelope. */
  uuid(): string
  /** 256 random bits, URL-safe, for what must not be guessed. */
  secret(): string
}

const random = (bytes: number) => base64url.encode(crypto.getRandomValues(new Uint8Array(bytes)))

/** Ids from the platform's cryptographic random source. */
export const randomIds: Ids = {
  id: (kind) => `${kind}_${random(16)}`,
  uuid: () => crypto.randomUUID(),
  secret: () => random(32),
}

/** Whether a string is written like an id of this kind. */
export function isId(kind: IdKind, text: string): boolean {
  return text.startsWith(`${kind}_`) && text.length >= kind.length + 23 && text.length <= kind.length + 65
}

/** SHA-256 of a text, URL-safe. */
export async function sha256(text: string): Promise<string> {
  return base64url.encode(new Uint8Array(await crypto.subtle.digest('SHA-256', new TextEncoder().encode(text))))
}
