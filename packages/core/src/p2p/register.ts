import type { Call, Engine } from '../context.ts'
import { MeshError } from '../errors.ts'
import { createPeerSessions } from '../peer-sessions.ts'
import type { P2pSession } from './session.ts'

/** The P2P sessions there are. */
export function createRegister({ home }: Pick<Engine, 'home'>) {
  const sessions = createPeerSessions<P2pSession>({
    idOf: ({ session_id }) => session_id,
    openerOf: ({ requester }) => requester.peer,
    partiesOf: ({ requester, target }) => [requester.peer, target],
    home,
  })

  return {
    ...sessions,

    /** Whether this very request waits for its answer. @throws MeshError CONFLICT when another does under its id */
    isAsked(call: Call<'p2p.session.request'>): boolean {
      const first = sessions.of(call.peer).find((session) => session.call.id === call.id && !session.isOpen)?.call
      if (!first) return false
      if (bodyOf(first) !== bodyOf(call)) throw new MeshError('CONFLICT', undefined, { reason: 'repeated_id' })
      return true
    },
  }
}

const bodyOf = ({ to, payload }: Call<'p2p.session.request'>) => JSON.stringify([to, payload])
