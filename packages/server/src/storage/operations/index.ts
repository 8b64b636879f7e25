import type { Db } from '../tables.ts'
import { appendAudit } from './audit.ts'
import {
  addressDelivery,
  buryDelivery,
  claimDelivery,
  finishDelivery,
  postponeDelivery,
  putDelivery,
  putNotifyTarget,
  removeNotifyTarget,
} from './deliveries.ts'
import {
  createEnrolment,
  forgetEnrolments,
  redeemEnrolment,
  removeDevices,
  seeDevices,
  spendAssertion,
} from './devices.ts'
import { appendEvent, recordMissedCall } from './events.ts'
import { acceptInvite, createInvite, revokeInvite } from './invites.ts'
import { confirmLogin, createLogin, revokeLogins, rotateLogin } from './logins.ts'
import { removeMember, setMember } from './members.ts'
import { addRevocation } from './revocations.ts'
import { createRoom, deleteRoom, updateRoom } from './rooms.ts'
import { giveSpace, takeSpace } from './space.ts'
import {
  releaseTerminal,
  renewTerminal,
  startTerminal,
  stopTerminal,
  takeTerminal,
  touchTerminals,
} from './terminals.ts'
import { createFirstAdmin, createUser, ensureUser, rehashUser, updateUser } from './users.ts'

/**
 * Every write there is. Each runs inside a transaction that its caller opened, throws to undo all of it, takes arguments
 * that survive JSON, and knows no dialect. Others may run at the same time in transactions of their own, which see what is
 * committed (READ COMMITTED): each holds the row that decides before it looks (`lockRoom`, an update), or is one statement.
 */
export const operations = {
  createUser,
  createFirstAdmin,
  ensureUser,
  updateUser,
  rehashUser,
  createLogin,
  rotateLogin,
  confirmLogin,
  revokeLogins,
  addRevocation,
  createEnrolment,
  forgetEnrolments,
  redeemEnrolment,
  removeDevices,
  spendAssertion,
  seeDevices,
  createRoom,
  updateRoom,
  deleteRoom,
  setMember,
  removeMember,
  createInvite,
  acceptInvite,
  revokeInvite,
  appendEvent,
  recordMissedCall,
  startTerminal,
  stopTerminal,
  takeTerminal,
  renewTerminal,
  releaseTerminal,
  touchTerminals,
  putDelivery,
  claimDelivery,
  addressDelivery,
  finishDelivery,
  postponeDelivery,
  buryDelivery,
  putNotifyTarget,
  removeNotifyTarget,
  appendAudit,
  takeSpace,
  giveSpace,
}

export type Operations = typeof operations
export type OperationName = keyof Operations

/** Runs one operation in a transaction of its own, or in a group; resolves once it is durable. */
export type Write = <Name extends OperationName>(
  name: Name,
  ...args: OperationArgs<Name>
) => Promise<OperationResult<Name>>

/** What an operation is given beside the connection. */
export type OperationArgs<Name extends OperationName> =
  Parameters<Operations[Name]> extends [Db, ...infer Args] ? Args : never

/** What an operation resolves with. */
export type OperationResult<Name extends OperationName> = Awaited<ReturnType<Operations[Name]>>
