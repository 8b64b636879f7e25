export { accessLifeS, accessType, issueAccess, leewayS, verifyAccess, type AccessClaims } from './access.ts'
export {
  capabilityLifeS,
  capabilityType,
  isExpired,
  issueCapability,
  verifyCapability,
  type CapabilityClaims,
} from './capability.ts'
export type { Verified } from './jws.ts'
export { createKeyringOf, type Keyring, type PublicKeys, type Signer, type Verifier } from './keyring.ts'
export { issueSessionToken, sessionLifeS, sessionType, verifySessionToken, type SessionClaims } from './p2p.ts'
export { createKeyring, generateSigningKey, publicJwkOf, publicKeysFrom, type PrivateJwk } from './keys.ts'
