import type { Grant } from './capabilities/grant.ts'
import { createCapabilities } from './capabilities/handlers.ts'
import { createChat } from './chat/handlers.ts'
import type { Area, Engine, HandledType, Handlers } from './context.ts'
import type { HubHooks } from './hub.ts'
import { createP2p } from './p2p/handlers.ts'
import { createPresence } from './presence/handlers.ts'
import { shownPresence } from './presence/state.ts'
import { createRooms } from './rooms/handlers.ts'
import { createRtc } from './rtc/handlers.ts'
import type { Stats } from './stats.ts'
import { createSystem } from './system/handlers.ts'
import { createTerminals } from './terminal/handlers.ts'
import { shownTerminals } from './terminal/state.ts'
import type { Keyring } from './tokens/keyring.ts'

/** What of the areas a client may count on, as the welcome names it. */
export const features = ['chat', 'presence', 'rtc', 'p2p', 'terminal']

/** An area, whatever events it handles. */
export type AnyArea = Area<never>

/** All areas, put together. */
export interface Areas {
  /** What answers each event. */
  readonly handlers: Handlers<HandledType>
  /** Those that have something to end when somebody leaves or may less than before. */
  readonly parts: readonly AnyArea[]
  /** How much goes on between peers that lives on this node. */
  open(): Stats['open']
}

/** @see Areas */
export function createAreas(engine: Engine, options: { keys: Keyring; grant: Grant }): Areas {
  const presence = createPresence(engine)
  const rtc = createRtc(engine)
  const p2p = createP2p(engine, options.keys)
  const terminals = createTerminals(engine)
  return {
    handlers: {
      ...createSystem().handlers,
      ...createRooms(engine, {
        announce: presence.announce,
        presence: shownPresence,
        terminals: (open) => shownTerminals(open, engine.leaseClock),
      }).handlers,
      ...presence.handlers,
      ...createChat(engine).handlers,
      ...createCapabilities(engine, options.grant).handlers,
      ...rtc.handlers,
      ...p2p.handlers,
      ...terminals.handlers,
    },
    parts: [presence, rtc, p2p, terminals],
    open: () => ({ webrtc: rtc.open(), quic: p2p.open(), leases: terminals.open() }),
  }
}

/** Tells areas, those that are added later as well, what happens to who is in a room. */
export function hooksOf(parts: readonly AnyArea[]): HubHooks {
  return {
    left: (occupant, cause) => parts.forEach((part) => part.left?.(occupant, cause)),
    connectivity: (occupant) => parts.forEach((part) => part.connectivity?.(occupant)),
    restricted: (occupant, cause) => parts.forEach((part) => part.restricted?.(occupant, cause)),
    stored: (room, event) => parts.forEach((part) => part.stored?.(room, event)),
  }
}
