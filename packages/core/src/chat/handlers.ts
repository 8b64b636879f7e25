import type { Area, Engine } from '../context.ts'
import { MeshError } from '../errors.ts'
import type { chatClientEvents } from './events.ts'

const refusals = {
  missing: () => new MeshError('ROOM_NOT_FOUND'),
  denied: () => new MeshError('ACCESS_DENIED'),
  conflict: () => new MeshError('CONFLICT', undefined, { reason: 'repeated_id' }),
}

/** Chat: stored durably first, told afterwards. */
export function createChat(engine: Engine): Area<keyof typeof chatClientEvents> {
  const { storage, clock, ids } = engine
  return {
    handlers: {
      async 'chat.message.send'({ peer, id, to, payload }) {
        const at = clock.now()
        const stored = await storage.events.append(
          to,
          {
            id: ids.uuid(),
            type: 'chat.message.created',
            from: peer.peer_id,
            at,
            payload: {
              message_id: ids.id('msg'),
              user_id: peer.user_id,
              text: payload.text,
              created_at: engine.toInstant(at),
            },
          },
          {
            user_id: peer.user_id,
            once: { sender: peer.identity, id, digest: await engine.digest(`${to} ${payload.text}`) },
          },
        )
        if (!('event' in stored)) throw refusals[stored.outcome]()
        const { event, outcome } = stored
        // An earlier attempt may have stored it and not lived to tell.
        const isTold = event.seq <= (engine.rooms.get(to)?.seq ?? 0)
        if (outcome === 'repeated' && isTold) engine.repeat(peer, event, id)
        else engine.publish(event, { peer, reply_to: id })
        return engine.answered
      },
    },
  }
}
