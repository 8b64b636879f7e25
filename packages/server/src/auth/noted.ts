import type { Audit, AuditAction, AuditEvent } from '@mesh/core'
import type { Accounts } from './accounts.ts'
import type { Devices } from './devices.ts'
import type { Revoke, RevokeTarget } from './revoke.ts'
import type { HostTokens } from './tokens.ts'

/** What decides about accounts, devices and access. */
export interface Deciders {
  accounts: Accounts
  devices: Devices
  tokens: HostTokens
  revoke: Revoke
}

/**
 * The same, each decision being noted in the audit log as somebody's: of the application that embeds Mesh, or of the
 * administrator at the machine. Routes note their own, since they know who calls and from where.
 */
export function noted(deciders: Deciders, actor: 'host' | 'administrator', audit: () => Audit): Deciders {
  const { accounts, devices, tokens, revoke } = deciders

  async function note<T>(
    action: AuditAction,
    decision: Promise<T>,
    more: (result: T) => Partial<AuditEvent> | undefined = () => ({}),
  ): Promise<T> {
    try {
      const result = await decision
      const facts = more(result)
      if (facts) await audit()({ action, outcome: 'ok', actor, ...facts })
      return result
    } catch (error) {
      audit().denied(error, { action, actor })
      throw error
    }
  }

  return {
    accounts: {
      ...accounts,
      create: (account) =>
        note('user.create', accounts.create(account), ({ user_id, admin }) => ({
          target: user_id,
          changes: [`admin=${admin}`],
        })),
      update: (user_id, change, by) =>
        note('user.update', accounts.update(user_id, change, by), () => ({
          target: user_id,
          changes: changesOf(change),
        })),
      remove: (user_id, by) => note('user.delete', accounts.remove(user_id, by), () => ({ target: user_id })),
      changePassword: (user_id, ...rest) =>
        note('auth.password', accounts.changePassword(user_id, ...rest), () => ({ target: user_id })),
      login: (...given) => note('auth.login', accounts.login(...given), ({ user }) => ({ target: user.user_id })),
    },
    devices: {
      ...devices,
      invite: (user_id) => note('device.enrolment', devices.invite(user_id), () => ({ target: user_id })),
      enrol: (request) => note('device.enrol', devices.enrol(request), ({ device_id }) => ({ target: device_id })),
      login: (assertion) => note('auth.device', devices.login(assertion), ({ device_id }) => ({ target: device_id })),
      revoke: (device_id) =>
        note('device.revoke', devices.revoke(device_id), (wasThere) => (wasThere ? { target: device_id } : undefined)),
    },
    tokens: { mint: (request) => note('token.mint', tokens.mint(request), ({ user_id }) => ({ target: user_id })) },
    revoke: Object.assign(
      (target: RevokeTarget) => note('access.revoke', revoke(target), () => targetOf(revoke, target)),
      { idsOf: revoke.idsOf },
    ),
  }
}

/** Whose access was ended, by the ids of Mesh: the host's own may be as good as a cookie. */
export function targetOf(revoke: Revoke, target: RevokeTarget): Partial<AuditEvent> {
  const ids = revoke.idsOf(target)
  return ids.length > 0 ? { target: ids.join(' ') } : {}
}

/** A change of an account, field by field; of the name, which is the only text, no more than that. */
export function changesOf(change: object): string[] {
  return Object.entries(change).flatMap(([field, value]) => {
    if (value === undefined) return []
    // A new name is called one thing over REST and another in process.
    return typeof value === 'string' ? ['name'] : [`${field}=${String(value)}`]
  })
}
