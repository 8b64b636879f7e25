import { Command } from 'commander'
import { addAuditExport } from './commands/audit-export.ts'
import { addAuditList } from './commands/audit-list.ts'
import { addAuditTail } from './commands/audit-tail.ts'
import { addAuditVerify } from './commands/audit-verify.ts'
import { addDbBackup } from './commands/db-backup.ts'
import { addDbCopy } from './commands/db-copy.ts'
import { addDbMigrate } from './commands/db-migrate.ts'
import { addDbRestore } from './commands/db-restore.ts'
import { addDbStatus } from './commands/db-status.ts'
import { addDeviceList } from './commands/device-list.ts'
import { addDeviceRevoke } from './commands/device-revoke.ts'
import { addKeysList } from './commands/keys-list.ts'
import { addKeysRevoke } from './commands/keys-revoke.ts'
import { addKeysRotate } from './commands/keys-rotate.ts'
import { addMemberAdd } from './commands/member-add.ts'
import { addMemberInvite } from './commands/member-invite.ts'
import { addMemberList } from './commands/member-list.ts'
import { addMemberRemove } from './commands/member-remove.ts'
import { addMemberSetRole } from './commands/member-set-role.ts'
import { addNotifyList } from './commands/notify-list.ts'
import { addNotifySet } from './commands/notify-set.ts'
import { addNotifyTest } from './commands/notify-test.ts'
import { addRoomCreate } from './commands/room-create.ts'
import { addRoomList } from './commands/room-list.ts'
import { addServe } from './commands/serve.ts'
import { addSetup } from './commands/setup.ts'
import { addTokenCapability } from './commands/token-capability.ts'
import { addTokenInspect } from './commands/token-inspect.ts'
import { addUserCreate } from './commands/user-create.ts'
import { addUserList } from './commands/user-list.ts'

/** A noun with its verbs. */
type Group = readonly [noun: string, description: string, verbs: readonly ((parent: Command) => void)[]]

const groups: readonly Group[] = [
  ['user', 'the people who may sign in', [addUserCreate, addUserList]],
  ['room', 'the rooms', [addRoomCreate, addRoomList]],
  [
    'member',
    'who is in a room, and as what',
    [addMemberAdd, addMemberInvite, addMemberList, addMemberRemove, addMemberSetRole],
  ],
  ['device', 'the agents with a key of their own', [addDeviceList, addDeviceRevoke]],
  ['notify', 'who is told what happens while they are away', [addNotifySet, addNotifyTest, addNotifyList]],
  ['audit', 'the log of what was decided', [addAuditList, addAuditTail, addAuditVerify, addAuditExport]],
  ['keys', 'the keys that sign tokens', [addKeysList, addKeysRotate, addKeysRevoke]],
  ['token', 'capability and access tokens', [addTokenInspect, addTokenCapability]],
  ['db', 'the database as a whole', [addDbStatus, addDbMigrate, addDbBackup, addDbRestore, addDbCopy]],
]

/** The whole command line. Errors, usage errors included, are thrown. */
export function createProgram(version: string): Command {
  const program = new Command('mesh-cli')
    .description('Administer the users, rooms and tokens of a Mesh server, running or not.')
    .version(version)
    .option('--data-dir <path>', 'the data directory of the server (default: MESH_DATA_DIR, or ./mesh-data)')
    .option('--json', 'print one JSON document, errors included')
    .option('-q, --quiet', 'print ids alone')
    .exitOverride()
    // The one catch prints errors; help that was asked for still goes out.
    .configureOutput({ outputError: () => {} })
  for (const [noun, description, verbs] of groups) {
    const group = program.command(noun).description(description)
    for (const add of verbs) add(group)
  }
  addSetup(program)
  addServe(program)
  return program
}
