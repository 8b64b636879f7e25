/** The columns in which users are shown. */
export const userColumns = ['user_id', 'username', 'admin', 'disabled', 'created_at'] as const

/** The columns in which devices are shown. */
export const deviceColumns = ['device_id', 'user_id', 'name', 'last_seen', 'expires_at'] as const

/** The columns in which rooms are shown. */
export const roomColumns = ['room_id', 'name', 'owner_user_id', 'created_at'] as const

/** The columns in which signing keys are shown. */
export const keyColumns = ['ring', 'state', 'kid', 'since', 'until'] as const

/** The columns in which entries of the audit log are shown. */
export const auditColumns = ['seq', 'time', 'action', 'outcome', 'actor', 'room_id', 'details'] as const

/** The columns in which the users are shown who have a token for notifications. */
export const notifyColumns = ['user_id', 'username', 'updated_at'] as const

/** The columns in which deliveries are shown that wait or were given up. */
export const deliveryColumns = [
  'channel',
  'kind',
  'room_id',
  'from_id',
  'to_id',
  'count',
  'created_at',
  'at',
  'attempts',
  'reason',
] as const

/** The columns in which members of a room are shown. */
export const memberColumns = ['user_id', 'username', 'role', 'created_at'] as const
