import { createPrivateKey, createPublicKey, sign, verify } from 'node:crypto'
import { createKeyringOf, publicJwkOf, type Keyring, type PrivateJwk, type Signer } from '@mesh/core'

/**
 * A ring of private keys on `node:crypto`, the first one signing. It answers at once: a check takes half as long as with
 * WebCrypto, and waits for no thread of the pool that password hashes or files may hold.
 * @throws when a key is none.
 */
export function createNodeKeyring(keys: readonly PrivateJwk[]): Keyring {
  return createKeyringOf(keys.map(signerOf))
}

function signerOf(key: PrivateJwk): Signer {
  const jwk = publicJwkOf(key)
  const privateKey = createPrivateKey({ key: { ...key }, format: 'jwk' })
  const publicKey = createPublicKey({ key: { ...jwk }, format: 'jwk' })
  return {
    kid: key.kid,
    jwk,
    sign: (data) => sign(null, Buffer.from(data), privateKey),
    verify: (data, signature) => verify(null, Buffer.from(data), publicKey, signature),
  }
}
