import type { NewEvent, Storage } from '../ports/index.ts'

/**
 * A storage that writes down, in one step with each durable event, what is to be delivered because of it: whoever makes an
 * event need not know that anybody is told of it.
 */
export function createStampedStorage(storage: Storage, stamp: <E extends NewEvent>(event: E) => E): Storage {
  const { rooms, invites, events, terminals } = storage
  return {
    ...storage,
    rooms: {
      ...rooms,
      create: (room, event) => rooms.create(room, stamp(event)),
      update: (room_id, change, event) => rooms.update(room_id, change, stamp(event)),
      setMember: (change, { added, updated }) =>
        rooms.setMember(change, { added: stamp(added), updated: stamp(updated) }),
      removeMember: (which, event) => rooms.removeMember(which, stamp(event)),
    },
    invites: { ...invites, accept: (which, event) => invites.accept(which, stamp(event)) },
    events: {
      ...events,
      append: (room_id, event, guard) => events.append(room_id, stamp(event), guard),
      missedCall(call, event) {
        const { deliveries } = stamp({ ...event, payload: call })
        return events.missedCall(call, { ...event, ...(deliveries && { deliveries }) })
      },
    },
    terminals: {
      ...terminals,
      start: (terminal, event) => terminals.start(terminal, stamp(event)),
      stop: (which, { released, stopped }) =>
        terminals.stop(which, { released: stamp(released), stopped: stamp(stopped) }),
      take: (take, event) => terminals.take(take, stamp(event)),
      release: (which, event) => terminals.release(which, stamp(event)),
    },
  }
}
