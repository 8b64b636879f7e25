import type { Keyring } from '@mesh/core'
import { createNodeKeyring } from './node-keyring.ts'
import type { RingKey } from './key-ring.ts'

/** A ring whose keys come and go while it is in use. */
export interface RotatingKeyring extends Keyring {
  /** From now on these are its keys: the current one signs, all of them verify. What was revoked stays revoked. */
  replace(keys: readonly RingKey[]): void
}

const order = { current: 0, next: 1, former: 2 } as const

/** A ring without keys: nothing verifies, and signing is UNAVAILABLE. @see RotatingKeyring */
export function createRotatingKeyring(): RotatingKeyring {
  const revoked = new Set<string>()
  let ring = createNodeKeyring([])
  return {
    has: (kid) => ring.has(kid),
    verify: (kid, data, signature) => ring.verify(kid, data, signature),
    sign: (typ, claims) => ring.sign(typ, claims),
    get jwks() {
      return ring.jwks
    },
    revoke(kid) {
      revoked.add(kid)
      ring.revoke(kid)
    },
    replace(keys) {
      const good = keys.filter(({ jwk }) => !revoked.has(jwk.kid))
      ring = createNodeKeyring(good.sort((a, b) => order[a.state] - order[b.state]).map(({ jwk }) => jwk))
    },
  }
}
