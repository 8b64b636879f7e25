export { createCalls } from './calls.ts'
export {
  createNegotiation,
  type NegotiablePeerConnection,
  type Negotiation,
  type NegotiationOptions,
} from './negotiation.ts'
export type { Path } from './path.ts'
export type {
  Call,
  CallEndReason,
  CallEvents,
  CallPurpose,
  Calls,
  CallsEvents,
  CallsOptions,
  CallState,
  StartOptions,
} from './types.ts'
