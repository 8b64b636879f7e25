import type { Area, Engine, Occupant } from '../context.ts'
import type { presenceClientEvents } from './events.ts'

/** Presence: the latest state wins, and a room hears of one peer at most once in an interval. */
export function createPresence(
  engine: Engine,
): Area<keyof typeof presenceClientEvents> & { announce(occupant: Occupant): void } {
  const { clock, limits } = engine

  function announce(occupant: Occupant): void {
    const { presence } = occupant
    if (presence.cancel) return
    const wait = presence.told_at + limits.presence_interval_ms - clock.monotonic()
    if (wait <= 0) show(occupant)
    else presence.cancel = clock.after(Math.ceil(wait), () => show(occupant))
  }

  function show(occupant: Occupant): void {
    occupant.presence.cancel = undefined
    occupant.presence.told_at = clock.monotonic()
    engine.showPresence(occupant)
  }

  return {
    announce,
    connectivity: announce,
    handlers: {
      'presence.update'({ at, payload }) {
        at.presence.status = payload.status
        at.presence.note = payload.note
        at.presence.last_seen = clock.now()
        announce(at)
      },
    },
  }
}
