export { createMesh, type MeshServer } from './mesh-server.ts'
export type { MeshServerOptions } from './mesh-server-options.ts'
export { toNodeHandler, type FetchHandler, type NodeHandler } from './node-handler.ts'
export { anyOf } from './auth/any-of.ts'
export type { HostRevalidate } from './auth/authentication.ts'
export type { HostAuthorize, HostQuestion } from './auth/authorize.ts'
export { builtinUsers } from './auth/builtin-users.ts'
export {
  hostUserId,
  type Authenticated,
  type AuthenticateInput,
  type HostAuthenticate,
  type HostPrincipal,
  type HostRequest,
} from './auth/host.ts'
export { jwt, type JwtOptions } from './auth/jwt.ts'
export type { Revoke, RevokeTarget } from './auth/revoke.ts'
export { session } from './auth/session.ts'
export type { HostTokens, MintedToken, MintRequest } from './auth/tokens.ts'
export type { Accounts, UserView } from './auth/accounts.ts'
export type { Tokens } from './auth/logins.ts'
export { ConfigError, readConfig, settings, type Config, type Setting } from './config.ts'
export { startServer, type RunningServer } from './server.ts'
export { runServer, sentenceOf } from './run.ts'
export * from './admin/index.ts'
export { attach, type AttachOptions } from './attach.ts'
export type { Notifications } from './notifiers/notifications.ts'
export type { NotifierFactory, NotifyTokens } from './notifiers/tokens.ts'
export type { TurnOptions } from './turn.ts'
export type { UpgradeHandler } from './upgrade.ts'
export type { WebhookOptions } from './webhook.ts'
export { sqlite } from './storage/sqlite/index.ts'
