/** A program or machine of a user's that proves who it is with a key of its own. */
export interface Device {
  device_id: string
  user_id: string
  /** What its user calls it. */
  name: string
  /** The public half of its Ed25519 key: the `x` of its JWK (RFC 8037). */
  public_key: string
  /** The thumbprint of that key (RFC 7638). */
  jkt: string
  created_at: number
  /** From then on the key is good for nothing. */
  expires_at: number
  /** When it was last here; null before it has ever come. */
  last_seen: number | null
}

export interface DeviceStore {
  find(device_id: string): Promise<Device | undefined>
  /** Devices by ascending `device_id`, of one user or of all, after the one given; those with an expired key too. */
  list(page: { user_id?: string | undefined; after?: string | undefined; limit: number }): Promise<Device[]>
  /** Forgets a device, or all of a user with the codes that wait for more. Returns the ids of those it forgot. */
  remove(which: { device_id: string } | { user_id: string }): Promise<string[]>
  /**
   * Uses up the `jti` of an assertion that the device signed, and notes the device as seen. `replayed`: it was used up
   * before, and is remembered until `keep_until`. `full`: `max` of the device are remembered already. `missing`: no such
   * device.
   */
  spend(assertion: {
    device_id: string
    jti: string
    now: number
    keep_until: number
    max: number
  }): Promise<'spent' | 'replayed' | 'full' | 'missing'>
  /** These devices were here at `at`; an earlier instant than the one known changes nothing, nor does an unknown device. */
  seen(device_ids: readonly string[], at: number): Promise<void>
}

/** A one-time code with which a device is added to a user's. */
export interface Enrolment {
  /** SHA-256 of the code, hex: the code itself is nowhere. */
  code_hash: string
  user_id: string
  created_at: number
  expires_at: number
}

export interface EnrolmentStore {
  /** Adds a code. `full`: `max` codes of the user wait already. Expired ones go, whoever's they are. */
  create(enrolment: Enrolment, max: number): Promise<'created' | 'full'>
  /** Forgets the codes of a user that wait for a device. */
  forget(user_id: string): Promise<void>
  /**
   * Uses up a code and adds the device to its user's, in one step: of several at once exactly one gets it.
   * `unknown`: no such code, used or expired, or its user is disabled. `full`: the user has `max` devices; the code stays.
   */
  redeem(
    code_hash: string,
    device: Omit<Device, 'user_id' | 'last_seen'>,
    max: number,
  ): Promise<{ outcome: 'enrolled'; device: Device } | { outcome: 'unknown' | 'full' }>
}
