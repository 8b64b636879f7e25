import type { Action, AttemptKind, CloseReason, ErrorCode, LimitClass, Limits, Role } from '@mesh/core'

// What the code does not say in words itself. Each table is complete, or it does not compile.

/** When an error is sent. */
export const errorWords: Record<ErrorCode, string> = {
  CAP_REQUIRED: 'no capability token, or a good one without the needed capability (`payload.required`)',
  CAP_EXPIRED: 'a good token past its `exp` (leeway 5 s)',
  CAP_INVALID:
    'anything else wrong with it: forged, for another room, target or peer, from a login that has ended, or role or policy changed since',
  ROOM_NOT_FOUND: 'no such room',
  ACCESS_DENIED: 'the room exists: not a member, not joined where that is needed, or the role does not allow it',
  P2P_SESSION_DENIED:
    'the token is good, but the other end refused, did not answer in time, or a policy or quota is in the way (`payload.reason`)',
  UNROUTABLE: 'the target is not connected, unknown, or not in the room: one answer for the three',
  AUTH_REQUIRED: 'no access token',
  AUTH_INVALID: 'an access token or credentials that are not good',
  AUTH_EXPIRED: 'an access token past its `exp`',
  BAD_MESSAGE: 'envelope, payload, body or query are not valid (`payload.reason`, `payload.path`)',
  MESSAGE_TOO_LARGE: 'the payload is larger than its class allows, or a REST body than 64 KiB',
  RATE_LIMITED: 'too much too fast (`payload.retry_after_ms`)',
  CONFLICT:
    'the state does not allow it (`payload.reason`): a repeated id with another body, a name that is taken, the last owner',
  NOT_FOUND: 'something else does not exist, or is not yours to know: a signaling session that one has no part in',
  UNAVAILABLE: 'a store or a worker does not serve just now',
  INTERNAL: 'a fault of ours (`payload.correlation_id` finds it in the log, and nothing else is told)',
}

/** When a connection is closed, and what to do then. */
export const closeWords: Record<CloseReason, string> = {
  unsupported: 'a binary frame came',
  too_large: 'a frame above 96 KiB came',
  drain: 'the server is stopping',
  overload: 'the server cannot serve this connection now',
  auth_expired: 'the access token ran out: bring a fresh one',
  slow_consumer: 'too much waited to be read, or nothing was read for too long',
  resync: 'the state has to be fetched anew: reconnect without `resume`',
  no_pong: 'no sign of life',
  rate_limited: 'kept on above the limits',
  superseded: 'another socket has taken the session over: come back only if that was not you',
  auth_invalid: 'no access token, a bad one, or a refresh with the token of somebody else',
  revoked: 'the login, user or peer was shut out',
  protocol: 'no hello in time, a malformed one, or a second frame before the welcome',
  connection_limit: 'too many connections of this user',
}

/** What a role may do. */
export const actionWords: Record<Action, string> = {
  join: 'enter the room, see it and its members',
  chat: 'send messages',
  presence: 'say how available one is',
  history: 'read events and messages (a guest: those since joining)',
  capability: 'ask for capability tokens',
  share: 'share terminals',
  'invite.guest': 'invite guests',
  invite: 'invite anybody',
  members: 'add and remove members, change roles',
  'room.update': 'change name and policy',
  'room.delete': 'delete the room',
}

/** What a role is. */
export const roleWords: Record<Role, string> = { owner: 'owner', member: 'member', guest: 'guest' }

/** What a class of events counts as its bytes. */
export const classWords: Record<LimitClass, string> = {
  sdp: '`sdp` of `rtc.offer` and `rtc.answer`',
  ice: '`candidate.candidate` of `rtc.ice`',
  chat: '`text` of `chat.message.send`',
  presence: 'the payload of `presence.update`',
  capability: 'the payload of `capability.request`',
  p2p: 'the payload of `p2p.session.*`, without its `cap_token`',
  terminal: 'the payload of `terminal.*`, without its `cap_token`',
  other: 'the payload of anything else',
}

/** What the limits of attempts count: by network address where nothing else is said. */
export const attemptWords: Record<AttemptKind, string> = {
  handshake: 'upgrade requests that no welcome followed',
  login: 'logins that fail',
  account:
    'wrong passwords for one login name, whoever sent them; the right one from an address that the account was used from, where as many count by themselves, is let in all the same',
  refresh: 'refresh tokens that are not valid, at a refresh or a logout',
  family: 'refreshes of one login that fail or are under way',
  password: 'changes of the password that fail',
  enrol: 'enrolments of a device that fail',
  assertion: 'assertions of a device that fail',
  setup: 'setup codes that are wrong',
  invite: 'codes of invitations that are not good; by user as well',
}

/** What the other limits bound. */
export const limitWords: Record<Exclude<keyof Limits, 'classes' | 'attempts'>, string> = {
  frame_bytes: 'bytes of the largest frame; beyond it the socket closes with 1009',
  hello_bytes: 'bytes of the hello',
  hello_timeout_ms: 'milliseconds until the hello has to be there, and judged',
  depth: 'how deep a frame may nest',
  frames: 'frames of a connection',
  bytes: 'bytes of a connection, counted on the raw frame; beyond it 4005',
  offences: 'how often a connection may be RATE_LIMITED before 4005',
  unauthenticated: 'connections without a welcome',
  unauthenticated_per_address: 'connections without a welcome from one address',
  connections_per_user: 'connections of one user; beyond it 4103',
  connections_per_address: 'connections from one address',
  heartbeat_s: 'seconds of silence after which the server pings',
  pong_timeout_s: 'seconds the client then has for a sign of life; 4004',
  token_warning_s: 'seconds before the access token ends that `system.token.expiring` comes',
  token_grace_s: 'seconds after its end in which a refresh is still taken; then 4001',
  presence_interval_ms: 'milliseconds between two presence events of one peer',
  ring_ms: 'milliseconds until a call that nobody answers ends',
  candidates: 'candidates of one side between two offers',
  rtc_sessions: 'signaling sessions that a peer may have opened at once',
  p2p_answer_ms: 'milliseconds until a P2P session that nobody accepts is denied',
  p2p_sessions: 'P2P sessions that a peer may have opened at once',
  resume_window_s: 'seconds that a session outlives its socket',
  kept_frames: 'frames already sent that are kept for a resume',
  kept_bytes: 'bytes of these',
  socket_buffer_bytes: 'bytes that are handed to a socket before the rest waits in the queue of its session',
  queue_bytes: 'bytes that may wait for a client; from a quarter on presence is left out, beyond it 4002',
  queues_bytes: 'bytes that are held for all clients together',
  signal_ttl_ms: 'milliseconds after which a signal in a long queue is given up and its sender told UNROUTABLE',
  position_check_s:
    'seconds after which the server compares a room with its storage, in case word of an event got lost between nodes',
  calls: 'calls of REST with access tokens of one user',
  ice_servers: 'how often a user may ask for fresh STUN and TURN servers over REST',
  stall_ms: 'milliseconds in which a client with a queue takes nothing; then 4002',
  invites_per_member: 'invitations that a member may have open in a room',
  terminals_per_peer: 'terminals that a peer may share at once',
  devices_per_user: 'devices of a user, those with an expired key too',
  device_key_life_s: 'how long the key of a device is good, in seconds',
  enrolments_per_user: 'codes of a user that wait for a device',
  enrolment_life_s: 'how long a code waits for its device, in seconds',
  terminal_lease_ms: 'milliseconds for which control is granted, and renewed',
}
