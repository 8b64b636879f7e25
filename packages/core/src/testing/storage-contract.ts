import { isMeshError } from '../errors.ts'
import { auditCases } from './storage-contract-audit.ts'
import { deliveryCases } from './storage-contract-deliveries.ts'
import { deviceCases } from './storage-contract-devices.ts'
import { eventCases } from './storage-contract-events.ts'
import { addRoom, addUsers, eventOf, ok, rejects, same, userOf, type StorageCase } from './storage-contract-kit.ts'
import { inviteCases } from './storage-contract-invites.ts'
import { loginCases } from './storage-contract-logins.ts'
import { memberCases } from './storage-contract-members.ts'
import { repeatCases } from './storage-contract-repeats.ts'
import { revocationCases } from './storage-contract-revocations.ts'
import { roomCases } from './storage-contract-rooms.ts'
import { terminalCases } from './storage-contract-terminals.ts'
import { userCases } from './storage-contract-users.ts'

export type { StorageCase } from './storage-contract-kit.ts'

const lifeCases: readonly StorageCase[] = [
  {
    name: 'life: a fresh storage is ready and empty',
    async run(storage) {
      await storage.ready()
      same(await storage.users.list({ limit: 9 }), [], 'users')
      same(await storage.rooms.list({ limit: 9 }), [], 'rooms')
    },
  },
  {
    name: 'life: close finishes the writes under way; then everything is UNAVAILABLE, and closing again is harmless',
    async run(storage) {
      await addUsers(storage, 'usr_a')
      await addRoom(storage, 'room_1', 'usr_a')
      const last = storage.events.append('room_1', eventOf('e2'), { user_id: 'usr_a' })
      await storage.close()
      same((await last).outcome, 'appended', 'the write under way')
      const calls = {
        ready: () => storage.ready(),
        read: () => storage.users.find('usr_a'),
        write: () => storage.users.create(userOf('usr_b')),
      }
      for (const [name, call] of Object.entries(calls)) {
        const reason = await rejects(call(), name)
        ok(isMeshError(reason) && reason.code === 'UNAVAILABLE', `${name}: UNAVAILABLE, not ${reason.message}`)
      }
      await storage.close()
    },
  },
]

/**
 * Every promise of the storage port as a list of tests that need no framework: give each `run` a fresh, empty storage and
 * expect it to resolve; a broken promise rejects with a sentence that says which.
 *
 * ```ts
 * for (const { name, run } of storageContract) test(name, async () => run(await freshStorage()))
 * ```
 */
export const storageContract: readonly StorageCase[] = [
  ...lifeCases,
  ...userCases,
  ...loginCases,
  ...revocationCases,
  ...deviceCases,
  ...roomCases,
  ...memberCases,
  ...inviteCases,
  ...eventCases,
  ...repeatCases,
  ...terminalCases,
  ...deliveryCases,
  ...auditCases,
]
