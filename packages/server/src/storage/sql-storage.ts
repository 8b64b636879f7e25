import { missedCallWindowMs, type Storage } from '@mesh/core'
import { MeshError } from '@mesh/core/errors'
import * as deliveries from './deliveries.ts'
import { hasAdmin } from './has-admin.ts'
import { findInvite, listInvites } from './invites.ts'
import type { Write } from './operations/index.ts'
import * as reads from './reads.ts'
import type { Db } from './tables.ts'

/** Where a dialect keeps its connections: how a read and how a write get to the database. */
export interface SqlConnections {
  /** Runs a read; throws MeshError UNAVAILABLE where the database cannot serve. */
  read<T>(run: (db: Db) => Promise<T>): Promise<T>
  /** The same for what decides who somebody is: where connections are few, no other feature uses them all up. */
  readAccess<T>(run: (db: Db) => Promise<T>): Promise<T>
  /** Runs an operation; throws MeshError UNAVAILABLE where the database cannot serve. */
  write: Write
  ready(): Promise<void>
  /** The clock of the database, where it has one of its own. */
  now?(): number
  close(): Promise<void>
}

/** The storage port over SQL, whatever the dialect. */
export function createSqlStorage({ read, readAccess, write, ...whole }: SqlConnections): Storage {
  return {
    users: {
      create: (user) => write('createUser', user),
      createFirstAdmin: (user) => write('createFirstAdmin', user),
      hasAdmin: () => read(hasAdmin),
      ensure: (user) => write('ensureUser', user),
      find: (user_id) => readAccess((db) => reads.findUser(db, user_id)),
      findByName: (username) => readAccess((db) => reads.findUserByName(db, username)),
      list: (page) => read((db) => reads.listUsers(db, page)),
      rehash: (user_id, change) => write('rehashUser', user_id, change),
      async update(user_id, change, by) {
        const result = await write('updateUser', user_id, change, by ?? null)
        if (result.outcome === 'denied') throw new MeshError('ACCESS_DENIED')
        if (result.outcome === 'taken') throw new MeshError('CONFLICT', 'The username is taken')
        return result.outcome === 'updated' ? result.user : undefined
      },
    },
    logins: {
      create: (login) => write('createLogin', login),
      find: (sid) => readAccess((db) => reads.findLogin(db, sid)),
      rotate: (change) => write('rotateLogin', change),
      confirm: (sid, generation) => write('confirmLogin', sid, generation),
      revoke: (which, now) => write('revokeLogins', which, now),
    },
    revocations: {
      add: (revocation) => write('addRevocation', revocation),
      find: (ids, now) => readAccess((db) => reads.findRevocations(db, ids, now)),
      ended: (of, now) => readAccess((db) => reads.findEnded(db, of, now)),
    },
    devices: {
      find: (device_id) => readAccess((db) => reads.findDevice(db, device_id)),
      list: (page) => read((db) => reads.listDevices(db, page)),
      remove: (which) => write('removeDevices', which),
      spend: (assertion) => write('spendAssertion', assertion),
      seen: (device_ids, at) => write('seeDevices', device_ids, at),
    },
    enrolments: {
      create: (enrolment, max) => write('createEnrolment', enrolment, max),
      forget: (user_id) => write('forgetEnrolments', user_id),
      redeem: (code_hash, device, max) => write('redeemEnrolment', code_hash, device, max),
    },
    rooms: {
      create: (room, event) => write('createRoom', room, event),
      find: (room_id) => read((db) => reads.findRoom(db, room_id)),
      list: (page) => read((db) => reads.listRooms(db, page)),
      update: (room_id, change, event) => write('updateRoom', room_id, change, event),
      delete: (room_id, audit) => write('deleteRoom', room_id, audit),
      member: (room_id, user_id) => read((db) => reads.findMember(db, room_id, user_id)),
      snapshot: (room_id) => read((db) => reads.snapshotRoom(db, room_id)),
      setMember: (change, events) => write('setMember', change, events),
      removeMember: (which, event) => write('removeMember', which, event),
    },
    invites: {
      create: (invite, guard) => write('createInvite', invite, guard),
      find: (code_hash, now) => read((db) => findInvite(db, code_hash, now)),
      list: (room_id, page) => read((db) => listInvites(db, room_id, page)),
      accept: (which, event) => write('acceptInvite', which, event),
      revoke: (room_id, invite_id) => write('revokeInvite', room_id, invite_id),
    },
    events: {
      append: (room_id, event, guard) => write('appendEvent', room_id, event, guard),
      missedCall: (call, event) => write('recordMissedCall', call, event, missedCallWindowMs),
      list: (room_id, page) => read((db) => reads.listEvents(db, room_id, page)),
      before: (room_id, page) => read((db) => reads.listEventsBefore(db, room_id, page)),
    },
    terminals: {
      find: (terminal_id) => read((db) => reads.findTerminal(db, terminal_id)),
      start: (terminal, event) => write('startTerminal', terminal, event),
      stop: (which, events) => write('stopTerminal', which, events),
      take: (take, event) => write('takeTerminal', take, event),
      renew: (renewal) => write('renewTerminal', renewal),
      release: (which, event) => write('releaseTerminal', which, event),
      touch: (terminal_ids, alive_until) => write('touchTerminals', terminal_ids, alive_until),
    },
    deliveries: {
      add: (delivery, at) => write('putDelivery', delivery, at),
      next: (channel) => read((db) => deliveries.nextDelivery(db, channel)),
      claim: (wanted) => write('claimDelivery', wanted),
      address: (claimed, to, due_at) => write('addressDelivery', claimed, to, due_at),
      finish: (claimed, done) => write('finishDelivery', claimed, done),
      postpone: (claimed, to) => write('postponeDelivery', claimed, to),
      bury: (claimed, letter) => write('buryDelivery', claimed, letter),
      overdue: (channel, which) => read((db) => deliveries.overdueDeliveries(db, channel, which)),
      list: (page) => read((db) => deliveries.listDeliveries(db, page)),
      dead: (page) => read((db) => deliveries.listDeadLetters(db, page)),
      backlog: () => read(deliveries.readBacklog),
    },
    notifyTargets: {
      put: (target) => write('putNotifyTarget', target),
      find: (user_id) => read((db) => deliveries.findNotifyTarget(db, user_id)),
      remove: (user_id) => write('removeNotifyTarget', user_id),
      list: (page) => read((db) => deliveries.listNotifyTargets(db, page)),
    },
    audit: {
      append: (entry) => write('appendAudit', entry),
      list: (page) => read((db) => reads.listAudit(db, page)),
      head: () => read(reads.findAuditHead),
    },
    ...whole,
  }
}
