import * as v from 'valibot'

const count = v.pipe(v.number(), v.safeInteger(), v.minValue(1))
const rate = v.strictObject({ burst: count, per_s: v.pipe(v.number(), v.finite(), v.minValue(0.001)) })
const eventClass = v.strictObject({ bytes: count, ...rate.entries })

const limitsSchema = v.strictObject({
  frame_bytes: count,
  hello_bytes: count,
  hello_timeout_ms: count,
  depth: count,
  frames: rate,
  bytes: rate,
  offences: rate,
  classes: v.strictObject({
    sdp: eventClass,
    ice: eventClass,
    chat: eventClass,
    presence: eventClass,
    capability: eventClass,
    p2p: eventClass,
    terminal: eventClass,
    other: eventClass,
  }),
  attempts: v.strictObject({
    handshake: rate,
    login: rate,
    account: rate,
    refresh: rate,
    family: rate,
    password: rate,
    enrol: rate,
    assertion: rate,
    setup: rate,
    invite: rate,
  }),
  unauthenticated: count,
  unauthenticated_per_address: count,
  connections_per_user: count,
  connections_per_address: count,
  heartbeat_s: count,
  pong_timeout_s: count,
  token_warning_s: count,
  token_grace_s: count,
  presence_interval_ms: count,
  ring_ms: count,
  candidates: count,
  rtc_sessions: count,
  p2p_answer_ms: count,
  p2p_sessions: count,
  resume_window_s: v.pipe(v.number(), v.safeInteger(), v.minValue(0)),
  kept_frames: count,
  kept_bytes: count,
  socket_buffer_bytes: count,
  queue_bytes: count,
  queues_bytes: count,
  signal_ttl_ms: count,
  stall_ms: count,
  position_check_s: count,
  calls: rate,
  ice_servers: rate,
  terminals_per_peer: count,
  terminal_lease_ms: count,
  invites_per_member: count,
  devices_per_user: count,
  device_key_life_s: count,
  enrolments_per_user: count,
  enrolment_life_s: count,
})

/** Every number a client can run into; all of them are settings. */
export type Limits = v.InferOutput<typeof limitsSchema>

/** The class of an event, which says how large its payload may be and how often it may come. */
export type LimitClass = keyof Limits['classes']

/** What somebody may try a few times only before it is known who they are. */
export type AttemptKind = keyof Limits['attempts']

/** A token bucket: `burst` at once, then `per_s` a second. */
export type Rate = v.InferOutput<typeof rate>

/**
 * The contract's defaults. `bytes` of a class are those of the payload without its `cap_token`; `frames` and `bytes` at
 * the top are per connection and counted on the raw frame; `offences` is how often a connection may overrun a limit
 * before it is closed with 4005. `attempts` are counted by network address, but `account` by login name, and by that and address, and `family` by login;
 * what ends well does not count. A session outlives its socket by `resume_window_s`; `kept_*` is what of the frames already
 * sent can be sent again. `socket_buffer_bytes` go to a socket at once, the rest waits, up to `queue_bytes` a peer and
 * `queues_bytes` for all of them; signals older than `signal_ttl_ms` are given up when there is much, and who takes nothing
 * for `stall_ms` is cut with 4002. `calls` is how often a user may call REST, `ice_servers` how often for fresh ones. A device's key is
 * good for `device_key_life_s`, 180 days, and the code it is enrolled with for `enrolment_life_s`; so many devices and
 * waiting codes a user.
 */
export const defaultLimits: Limits = {
  frame_bytes: 98_304,
  hello_bytes: 8_192,
  hello_timeout_ms: 5_000,
  depth: 16,
  frames: { burst: 120, per_s: 60 },
  bytes: { burst: 262_144, per_s: 65_536 },
  offences: { burst: 20, per_s: 1 },
  classes: {
    sdp: { bytes: 65_536, burst: 10, per_s: 1 },
    ice: { bytes: 1_024, burst: 60, per_s: 20 },
    chat: { bytes: 4_096, burst: 10, per_s: 1 },
    presence: { bytes: 512, burst: 5, per_s: 1 },
    capability: { bytes: 1_024, burst: 20, per_s: 2 },
    p2p: { bytes: 8_192, burst: 10, per_s: 1 },
    terminal: { bytes: 1_024, burst: 20, per_s: 5 },
    other: { bytes: 8_192, burst: 20, per_s: 5 },
  },
  attempts: {
    handshake: { burst: 30, per_s: 10 },
    login: { burst: 20, per_s: 1 / 3 },
    account: { burst: 5, per_s: 1 / 60 },
    refresh: { burst: 20, per_s: 1 / 3 },
    family: { burst: 6, per_s: 1 / 10 },
    password: { burst: 20, per_s: 1 / 3 },
    enrol: { burst: 30, per_s: 1 / 30 },
    assertion: { burst: 100, per_s: 5 },
    setup: { burst: 5, per_s: 1 / 60 },
    invite: { burst: 20, per_s: 1 / 3 },
  },
  unauthenticated: 1_000,
  unauthenticated_per_address: 20,
  connections_per_user: 20,
  connections_per_address: 200,
  heartbeat_s: 25,
  pong_timeout_s: 8,
  token_warning_s: 60,
  token_grace_s: 25,
  presence_interval_ms: 250,
  ring_ms: 30_000,
  candidates: 64,
  rtc_sessions: 64,
  p2p_answer_ms: 15_000,
  p2p_sessions: 64,
  resume_window_s: 120,
  kept_frames: 1_024,
  kept_bytes: 524_288,
  socket_buffer_bytes: 65_536,
  queue_bytes: 524_288,
  queues_bytes: 268_435_456,
  signal_ttl_ms: 30_000,
  stall_ms: 10_000,
  position_check_s: 60,
  calls: { burst: 2_000, per_s: 500 },
  ice_servers: { burst: 6, per_s: 0.1 },
  terminals_per_peer: 16,
  terminal_lease_ms: 15_000,
  invites_per_member: 100,
  devices_per_user: 100,
  device_key_life_s: 15_552_000,
  enrolments_per_user: 20,
  enrolment_life_s: 600,
}

/**
 * Lays a partial object over {@link defaultLimits}, nested objects included.
 * @throws {v.ValiError} when a name is unknown or a number is out of range.
 */
export function resolveLimits(overrides: unknown = {}): Limits {
  return v.parse(limitsSchema, merge(defaultLimits, overrides))
}

function merge(base: unknown, over: unknown): unknown {
  if (!isRecord(base) || !isRecord(over)) return over
  const merged: Record<string, unknown> = { ...base }
  for (const [key, value] of Object.entries(over)) merged[key] = merge(base[key], value)
  return merged
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
