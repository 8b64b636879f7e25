import type { Engine } from '../context.ts'
import { createPeerSessions } from '../peer-sessions.ts'
import { partiesOf, type Signaling } from './signaling.ts'

/** The signaling sessions there are. */
export const createRegister = ({ home }: Pick<Engine, 'home'>) =>
  createPeerSessions<Signaling>({
    idOf: ({ rtc_id }) => rtc_id,
    openerOf: ({ caller }) => caller.peer,
    partiesOf,
    home,
  })
