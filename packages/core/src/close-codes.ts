/** The subprotocol of the WebSocket. */
export const subprotocol = 'mesh.v1'

/** Close codes (RFC 6455 section 7.4.2). Below 4100 a client may come back, from 4100 on it must not. */
export const closeCodes = {
  unsupported: 1003,
  too_large: 1009,
  drain: 1012,
  overload: 1013,
  auth_expired: 4001,
  slow_consumer: 4002,
  resync: 4003,
  no_pong: 4004,
  rate_limited: 4005,
  superseded: 4006,
  auth_invalid: 4100,
  revoked: 4101,
  protocol: 4102,
  connection_limit: 4103,
} as const

/** Why a connection was closed; also the constant reason string that goes with the code. */
export type CloseReason = keyof typeof closeCodes

/** Whether a client may reconnect after a close with this code. */
export function mayReconnect(code: number): boolean {
  return code < 4100 && code !== closeCodes.unsupported && code !== closeCodes.too_large
}
