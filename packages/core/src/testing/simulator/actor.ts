import type { Client } from './client.ts'
import type { RoomView } from './view.ts'
import type { World } from './world.ts'

/** What acts share: where the client is, and what it may show there. */
export interface Actor {
  readonly world: World
  readonly client: Client
  /** One of the rooms that it has joined. */
  joined(): [room_id: string, room: RoomView] | undefined
  /** A token that may be the right one: the latest, mostly. */
  tokenFor(room: RoomView, purpose: string, target?: string): string | undefined
  /** Somebody in the room: a peer, or a user with all their peers. */
  somebody(room: RoomView): string | undefined
  /** Any client, itself included. */
  anybody(): Client | undefined
  /** Asks for capabilities in a room. */
  request(room_id: string, caps: readonly string[], target?: string): void
}

/** @see Actor */
export function createActor(world: World, client: Client, clients: readonly Client[]): Actor {
  const { random } = world
  return {
    world,
    client,
    joined: () => random.pick([...client.view.rooms]),
    tokenFor({ tokens }, purpose, target) {
      const fit = tokens.filter(
        (token) => token.caps.includes(purpose) && (target === undefined || token.target === target),
      )
      return (random.chance(0.8) ? (fit.at(-1) ?? tokens.at(-1)) : random.pick(tokens))?.token
    },
    somebody({ peers }) {
      const others = [...peers].filter(([peer_id]) => peer_id !== client.peer_id)
      const [peer_id, peer] = random.pick(others) ?? []
      return random.chance(0.3) ? peer?.user_id : peer_id
    },
    anybody: () => random.pick(clients),
    request(room_id, caps, target) {
      const targeted = target === undefined ? {} : { target_peer_id: target }
      client.ask('capability.request', 'server', { room_id, caps, ttl_s: 60, ...targeted })
    },
  }
}
