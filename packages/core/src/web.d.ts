// The few web-standard globals that core relies on; Node, browsers, Deno, Bun and workers all have them. Neither the DOM
// nor Node's own types are visible here, so that core cannot come to need them.
declare const crypto: {
  randomUUID(): string
  getRandomValues(array: Uint8Array<ArrayBuffer>): Uint8Array<ArrayBuffer>
  readonly subtle: {
    digest(algorithm: 'SHA-256', data: Uint8Array<ArrayBuffer>): Promise<ArrayBuffer>
    sign(algorithm: 'Ed25519', key: CryptoKey, data: Uint8Array<ArrayBuffer>): Promise<ArrayBuffer>
    verify(
      algorithm: 'Ed25519',
      key: CryptoKey,
      signature: Uint8Array<ArrayBuffer>,
      data: Uint8Array<ArrayBuffer>,
    ): Promise<boolean>
    generateKey(...args: never[]): Promise<CryptoKey | { publicKey: CryptoKey; privateKey: CryptoKey }>
  }
}

interface CryptoKey {
  readonly type: string
  readonly extractable: boolean
}

declare class TextEncoder {
  encode(text: string): Uint8Array<ArrayBuffer>
}

declare class TextDecoder {
  constructor(encoding: 'utf-8', options: { fatal: boolean })
  decode(bytes: Uint8Array): string
}

declare function setTimeout(run: () => void, ms: number): unknown
declare function clearTimeout(timer: unknown): void
declare const performance: { now(): number }
declare function queueMicrotask(run: () => void): void
