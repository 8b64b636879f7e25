import { MeshError, type AuditEvent, type Notifier, type Sent, type Storage } from '@mesh/core'
import type { Seal } from './seal.ts'
import { createNotifyTokens, type NotifierFactory, type NotifyTokens } from './tokens.ts'

/** Who is told what happens while they are away, and how. */
export interface Notifications extends Pick<NotifyTokens, 'list'> {
  /** What tells them; undefined where nothing is set up to. */
  readonly notifier: Notifier | undefined
  /** Sets the token by which the service knows a user. @throws MeshError as {@link NotifyTokens.set} */
  set(user_id: string, token: string): Promise<void>
  /** Forgets it. @throws MeshError NOT_FOUND where there was none */
  remove(user_id: string): Promise<void>
  /** Tells a user that it works, at once and not by way of the outbox. @throws MeshError CONFLICT where nothing is set up */
  test(user_id: string): Promise<Sent>
}

/** @see Notifications */
export function createNotifications(options: {
  notifier: Notifier | NotifierFactory | undefined
  storage: Storage
  seal: Seal
  now: () => number
  audit: (event: AuditEvent) => Promise<void>
}): Notifications {
  const { storage, seal, now, audit } = options
  const tokens = createNotifyTokens({ targets: storage.notifyTargets, seal, now })
  const notifier = typeof options.notifier === 'function' ? options.notifier(tokens) : options.notifier
  const note = (target: string, reason: string) =>
    audit({ action: 'notify.target', outcome: 'ok', actor: 'administrator', target, reason })

  return {
    notifier,
    list: tokens.list,
    async set(user_id, token) {
      await tokens.set(user_id, token)
      void note(user_id, 'set')
    },
    async remove(user_id) {
      if (!(await tokens.remove(user_id))) throw new MeshError('NOT_FOUND', 'The user has no token')
      void note(user_id, 'removed')
    },
    async test(user_id) {
      if (!notifier) throw new MeshError('CONFLICT', 'Nothing is set up to notify people: set MESH_GOTIFY_URL')
      return notifier.send({ user_id, kind: 'chat', title: 'Mesh', text: 'Notifications work.' })
    },
  }
}
