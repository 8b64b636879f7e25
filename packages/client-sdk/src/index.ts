export { MeshError, isMeshError, type ErrorCode, type ErrorDetails } from '@mesh/core/errors'
export type {
  ClientEventType,
  ClientPayload,
  Envelope,
  ReplyType,
  ServerEventType,
  ServerPayload,
} from '@mesh/core/protocol'
export { connect, type ConnectOptions } from './connect.ts'
export type { WaitOptions } from './deferred.ts'
export type { WebSocketConstructor, WebSocketLike } from './link.ts'
export type {
  Capability,
  CapabilityOptions,
  Me,
  Member,
  Mesh,
  MeshEvents,
  MeshState,
  Message,
  Peer,
  Reply,
  RequestOptions,
  RequestType,
  Room,
  RoomEvents,
  SendOptions,
  SignalType,
  TokenReason,
  TokenSource,
} from './types.ts'
