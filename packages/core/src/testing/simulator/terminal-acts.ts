import type { Actor } from './actor.ts'

/** What a client may do with terminals, by weight. */
export const terminalWeights = { share: 2, unshare: 0.5, control: 8, keep: 4, release: 2 } as const

/** Sharing terminals, and fighting for the control of them. */
export function terminalActs(actor: Actor): Record<keyof typeof terminalWeights, () => void> {
  const { world, client, joined, tokenFor } = actor
  const { random } = world

  const held = () => random.pick([...client.view.held])
  const terminal = () => {
    const [room_id, room] = joined() ?? []
    const [terminal_id, host] = random.pick([...(room?.terminals ?? [])]) ?? []
    return room_id === undefined || !room || terminal_id === undefined || host === undefined
      ? undefined
      : { room_id, room, terminal_id, host }
  }

  return {
    share() {
      const [room_id] = joined() ?? []
      if (room_id !== undefined) client.ask('terminal.share.start', room_id, { room_id, title: 'shell' })
    },
    unshare() {
      const { terminal_id } = terminal() ?? {}
      if (terminal_id !== undefined) client.ask('terminal.share.stop', 'server', { terminal_id })
    },
    control() {
      const found = terminal()
      if (!found) return
      const { room_id, room, terminal_id, host } = found
      const cap_token = tokenFor(room, 'terminal:control', host)
      const isReady = room.tokens.some(({ token, target }) => token === cap_token && target === host)
      if (!isReady && random.chance(0.9)) return actor.request(room_id, ['terminal:control'], host)
      const how = { ...(cap_token === undefined ? {} : { cap_token }), ...(random.chance(0.2) ? { force: true } : {}) }
      client.ask('terminal.control.take', 'server', { terminal_id, ...how })
    },
    keep() {
      const [terminal_id, fence] = held() ?? []
      if (terminal_id === undefined || fence === undefined) return
      const room = [...client.view.rooms.values()].find(({ terminals }) => terminals.has(terminal_id))
      const cap_token = room && tokenFor(room, 'terminal:control', room.terminals.get(terminal_id))
      // Now and then with the fence of an earlier grant.
      const claimed = random.chance(0.1) ? Math.max(fence - 1, 0) : fence
      client.ask('terminal.control.renew', 'server', {
        terminal_id,
        fence: claimed,
        ...(cap_token === undefined ? {} : { cap_token }),
      })
    },
    release() {
      const { terminal_id } = random.chance(0.8) ? { terminal_id: held()?.[0] } : (terminal() ?? {})
      if (terminal_id !== undefined) client.ask('terminal.control.release', 'server', { terminal_id })
    },
  }
}
