export { accessLifeS, accessType, issueAccess, leewayS, verifyAccess, type AccessClaims } from './access.ts'
export {
  capabilityLifeS,
  capabilityType,
  isExpired,
  issueCapability,
  verifyCapability,
  type CapabilityClaims,
} from './capability.ts'
export {
  createKeyring,
  generateSigningKey,
  publicKeysFrom,
  type Keyring,
  type PrivateJwk,
  type PublicKeys,
} from './keys.ts'
