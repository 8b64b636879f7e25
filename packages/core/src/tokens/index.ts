export {
  accessLifeS,
  accessType,
  issueAccess,
  leewayS,
  verifyAccess,
  type AccessClaims,
  type AccessSubject,
  type HostClaims,
} from './access.ts'
export {
  assertionLifeS,
  assertionType,
  issueAssertion,
  verifyAssertion,
  type AssertionClaims,
  type DeviceKey,
} from './assertion.ts'
export {
  capabilityLifeS,
  capabilityType,
  isExpired,
  issueCapability,
  verifyCapability,
  type CapabilityClaims,
} from './capability.ts'
export { readJws, type Jws, type Verified } from './jws.ts'
export { createKeyringOf, type Keyring, type PublicKeys, type Signer, type Verifier } from './keyring.ts'
export { issueSessionToken, sessionLifeS, sessionType, verifySessionToken, type SessionClaims } from './p2p.ts'
export {
  createKeyring,
  generateSigningKey,
  publicJwkOf,
  publicKeysFrom,
  thumbprintOf,
  type PrivateJwk,
} from './keys.ts'
