import type { Area, HandledType } from '../context.ts'
import type { systemClientEvents } from './events.ts'
import { refreshed } from './refreshed.ts'

/** Keeping a connection. The hello is the session's own: before it there is no peer that could call a handler. */
export function createSystem(): Area<keyof typeof systemClientEvents & HandledType> {
  return {
    handlers: {
      'system.ping': () => ({}),
      // That a frame came is all there is to know, and the session has noted it.
      'system.pong': () => {},
      'system.ack': ({ peer, payload }) => peer.acknowledge(payload.received),
      async 'system.token.refresh'({ peer, payload }) {
        return refreshed(await peer.refresh(payload.token))
      },
    },
  }
}
