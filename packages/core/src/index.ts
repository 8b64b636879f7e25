export {
  actionsOf,
  capabilities,
  capsOf,
  defaultCaps,
  roles,
  type Action,
  type Role,
  type RoomPolicy,
} from './acl.ts'
export type { GrantRequest } from './capabilities/grant.ts'
export type { Peer, Principal } from './context.ts'
export { field, type ClientEvent, type PayloadSchema, type ServerEvent } from './define.ts'
export { toInstant } from './encoder.ts'
export * from './errors.ts'
export { isId, randomIds, sha256, type Ids } from './ids.ts'
export { defaultLimits, resolveLimits, type LimitClass, type Limits, type Rate } from './limits.ts'
export { createMemoryBus, createMemoryBusLine } from './memory/bus.ts'
export { createMemoryStorage } from './memory/storage.ts'
export { createMesh, type Mesh, type MeshOptions } from './mesh.ts'
export { cleanName } from './names.ts'
export * from './ports/index.ts'
export * from './protocol.ts'
export { capabilityFields } from './capabilities/events.ts'
export { policySchema, type Actor, type Page, type RoomChange, type Rooms } from './rooms/service.ts'
export type { Selector } from './selector.ts'
export type { Authenticate } from './session.ts'
export * from './tokens/index.ts'
export type { Connection, ConnectionRequest, MeshSocket } from './transport.ts'
