import type { Device, Enrolment } from '@mesh/core'
import { idList } from '../id-list.ts'
import { toDevice } from '../rows.ts'
import type { Db } from '../tables.ts'
import { lockUser } from './users.ts'

/** Adds a code for a device, unless as many of the user wait already. */
export async function createEnrolment(db: Db, enrolment: Enrolment, max: number): Promise<'created' | 'full'> {
  const { code_hash, user_id, created_at, expires_at } = enrolment
  await db.deleteFrom('mesh_enrolment').where('expires_at', '<=', created_at).execute()
  await lockUser(db, user_id)
  const waiting = await db.selectFrom('mesh_enrolment').select('code_hash').where('user_id', '=', user_id).execute()
  if (waiting.length >= max) return 'full'
  await db.insertInto('mesh_enrolment').values({ code_hash, user_id, created_at, expires_at }).execute()
  return 'created'
}

/** Uses up a code and adds the device. */
export async function redeemEnrolment(
  db: Db,
  code_hash: string,
  device: Omit<Device, 'user_id' | 'last_seen'>,
  max: number,
): Promise<{ outcome: 'enrolled'; device: Device } | { outcome: 'unknown' | 'full' }> {
  const { device_id, name, public_key, jkt, created_at, expires_at } = device
  const good = db.selectFrom('mesh_enrolment').where('code_hash', '=', code_hash).where('expires_at', '>', created_at)
  const found = await good.select('user_id').executeTakeFirst()
  const user = found && (await lockUser(db, found.user_id))
  if (!user || user.disabled === 1) return { outcome: 'unknown' }
  const { user_id } = user
  const others = await db.selectFrom('mesh_device').select('device_id').where('user_id', '=', user_id).execute()
  if (others.length >= max) return { outcome: 'full' }
  // Deleted only by whoever uses it: somebody else may have come first while this waited for the user.
  const used = await db.deleteFrom('mesh_enrolment').where('code_hash', '=', code_hash).executeTakeFirst()
  if (used.numDeletedRows === 0n) return { outcome: 'unknown' }
  const row = { device_id, user_id, name, public_key, jkt, created_at, expires_at, last_seen: null }
  await db.insertInto('mesh_device').values(row).execute()
  return { outcome: 'enrolled', device: toDevice(row) }
}

/** Forgets the codes of a user that wait for a device. */
export async function forgetEnrolments(db: Db, user_id: string): Promise<void> {
  await db.deleteFrom('mesh_enrolment').where('user_id', '=', user_id).execute()
}

/** Forgets a device, or all of a user with the codes that wait. */
export async function removeDevices(db: Db, which: { device_id: string } | { user_id: string }): Promise<string[]> {
  if ('user_id' in which) await forgetEnrolments(db, which.user_id)
  const every = db.deleteFrom('mesh_device').returning('device_id')
  const meant =
    'device_id' in which ? every.where('device_id', '=', which.device_id) : every.where('user_id', '=', which.user_id)
  return (await meant.execute()).map(({ device_id }) => device_id).sort()
}

/** Uses up the `jti` of an assertion, and forgets those that are over. */
export async function spendAssertion(
  db: Db,
  assertion: { device_id: string; jti: string; now: number; keep_until: number; max: number },
): Promise<'spent' | 'replayed' | 'full' | 'missing'> {
  const { device_id, jti, now, keep_until, max } = assertion
  await db.deleteFrom('mesh_assertion').where('keep_until', '<=', now).execute()
  const device = await db
    .updateTable('mesh_device')
    .set((eb) => ({ last_seen: eb.ref('last_seen') }))
    .where('device_id', '=', device_id)
    .returning('device_id')
    .executeTakeFirst()
  if (!device) return 'missing'
  const used = await db.selectFrom('mesh_assertion').select('jti').where('device_id', '=', device_id).execute()
  if (used.some((known) => known.jti === jti)) return 'replayed'
  if (used.length >= max) return 'full'
  await db.insertInto('mesh_assertion').values({ device_id, jti, keep_until }).execute()
  await seeDevices(db, [device_id], now)
  return 'spent'
}

/** Notes when devices were last here. */
export async function seeDevices(db: Db, device_ids: readonly string[], at: number): Promise<void> {
  if (device_ids.length === 0) return
  await db
    .updateTable('mesh_device')
    .set({ last_seen: at })
    .where('device_id', 'in', idList(device_ids))
    .where((eb) => eb.or([eb('last_seen', 'is', null), eb('last_seen', '<', at)]))
    .execute()
}
