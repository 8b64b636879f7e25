const rate = { burst: 1_000_000_000, per_s: 1_000_000_000 }

/**
 * Limits that let nonsense through to where it could do harm: rates, and how many connections there may be, are out of
 * the way; sizes are those of the contract.
 */
export const wideOpen = {
  frames: rate,
  bytes: rate,
  offences: rate,
  classes: {
    sdp: rate,
    ice: rate,
    chat: rate,
    presence: rate,
    capability: rate,
    p2p: rate,
    terminal: rate,
    other: rate,
  },
  // Not those behind which bcrypt is: it would take the time of all else.
  attempts: { handshake: rate, refresh: rate, family: rate, enrol: rate, assertion: rate, setup: rate, invite: rate },
  calls: rate,
  candidates: 1_000_000_000,
  rtc_sessions: 1_000,
  // What outlives its connection must be gone before memory is measured.
  resume_window_s: 2,
  // A connection that never says hello is not what is looked for, and must not pile up.
  hello_timeout_ms: 2_000,
  unauthenticated: 100_000,
  unauthenticated_per_address: 100_000,
  connections_per_user: 1_000,
  connections_per_address: 100_000,
}
