import { MeshError } from '../errors.ts'
import type { Storage } from '../ports/index.ts'
import { createAuditLog } from './storage-audit.ts'
import { createDeliveries, createNotifyTargets } from './storage-deliveries.ts'
import { createDevices, createEnrolments } from './storage-devices.ts'
import { createEvents } from './storage-events.ts'
import { createInvites } from './storage-invites.ts'
import { createLogins } from './storage-logins.ts'
import { createRevocations } from './storage-revocations.ts'
import { createRooms } from './storage-rooms.ts'
import { createTerminals } from './storage-terminals.ts'
import { createTables } from './storage-tables.ts'
import { createUsers } from './storage-users.ts'

/**
 * A storage that lives in memory and dies with the process: for tests, the simulator and trying things out. It is the
 * reference for what the port promises. Every write takes effect in the call itself, so results resolve in call order.
 */
export function createMemoryStorage(): Storage {
  const tables = createTables()
  let closed = false

  const open = () => {
    if (closed) throw new MeshError('UNAVAILABLE', 'The storage is closed')
    return tables
  }

  return {
    users: createUsers(open),
    logins: createLogins(open),
    revocations: createRevocations(open),
    devices: createDevices(open),
    enrolments: createEnrolments(open),
    rooms: createRooms(open),
    invites: createInvites(open),
    events: createEvents(open),
    terminals: createTerminals(open),
    deliveries: createDeliveries(open),
    notifyTargets: createNotifyTargets(open),
    audit: createAuditLog(open),
    async ready() {
      open()
    },
    async close() {
      closed = true
    },
  }
}
