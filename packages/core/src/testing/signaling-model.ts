/** Which of the model's peers, by its place in the list. */
export type Who = number

/** One signal that somebody gets: what, of which session, from whom (-1 is the server). */
export type Delivery = { to: Who; type: 'offer' | 'answer' | 'ice' | 'bye'; slot: number; from: Who }

interface Session {
  caller: Who
  address: Who | 'user'
  forks: Set<Who>
  callee: Who | undefined
  /** How many candidates each fork has had held back. */
  held: Map<Who, number>
  offered: Set<Who>
}

/**
 * What signaling is to do, told once more and as plainly as possible: the reference that the engine is compared with in
 * the property test. `users` says which user each peer is of; `called` is the one that the address `user` means. Not
 * published.
 */
export function createSignalingModel(users: readonly string[], called: string) {
  const sessions = new Map<number, Session>()
  const joined = new Set(users.keys())

  const others = (s: Session, who: Who) =>
    who !== s.caller ? [s.caller] : s.callee === undefined ? [...s.forks] : [s.callee]
  const send = (to: Who[], type: Delivery['type'], slot: number, from: Who): Delivery[] =>
    to.map((to) => ({ to, type, slot, from }))

  /** The session, if `who` has part in it and `to` is a way to address the other end. */
  function partOf(slot: number, who: Who, to: Who | 'user'): Session | undefined {
    const s = sessions.get(slot)
    if (!s || (s.caller !== who && s.callee !== who && !s.forks.has(who))) return undefined
    const isRight = to === 'user' ? who === s.caller && s.address === 'user' : others(s, who).includes(to)
    return isRight ? s : undefined
  }

  return {
    joined,
    /** The peer that this one would rightly address. */
    rightAddress(slot: number, who: Who): Who | 'user' | undefined {
      const s = sessions.get(slot)
      return s && (who === s.caller ? s.address : s.caller)
    },
    offer(slot: number, who: Who, to: Who | 'user'): Delivery[] {
      if (!joined.has(who)) return []
      if (sessions.has(slot)) {
        const s = partOf(slot, who, to)
        if (!s || s.forks.has(who)) return []
        s.offered.add(who)
        return send(others(s, who), 'offer', slot, who)
      }
      const callees = [...joined].filter(
        (peer) => peer !== who && (to === 'user' ? users[peer] === called : peer === to),
      )
      if (callees.length === 0) return []
      const s = {
        caller: who,
        address: to,
        forks: new Set(callees),
        callee: undefined,
        held: new Map(),
        offered: new Set([who]),
      }
      sessions.set(slot, s)
      return send(callees, 'offer', slot, who)
    },
    answer(slot: number, who: Who, to: Who | 'user'): Delivery[] {
      const s = partOf(slot, who, to)
      const other = s && (who === s.caller ? s.callee : s.caller)
      if (!s || other === undefined || !s.offered.has(other)) return []
      s.offered.clear()
      const answered = send([other], 'answer', slot, who)
      if (!s.forks.delete(who)) return answered
      const lost = [...s.forks]
      s.callee = who
      s.forks.clear()
      const held = Array.from({ length: s.held.get(who) ?? 0 }, () => send([other], 'ice', slot, who))
      return [...answered, ...held.flat(), ...send(lost, 'bye', slot, -1)]
    },
    ice(slot: number, who: Who, to: Who | 'user'): Delivery[] {
      const s = partOf(slot, who, to)
      if (!s) return []
      if (!s.forks.has(who)) return send(others(s, who), 'ice', slot, who)
      s.held.set(who, (s.held.get(who) ?? 0) + 1)
      return []
    },
    bye(slot: number, who: Who, to: Who | 'user'): Delivery[] {
      const s = partOf(slot, who, to)
      if (!s || (s.forks.delete(who) && s.forks.size > 0)) return []
      const told = send(others(s, who), 'bye', slot, who)
      sessions.delete(slot)
      return told
    },
    leave(who: Who): Delivery[] {
      if (!joined.delete(who)) return []
      return [...sessions].flatMap(([slot, s]) => {
        const parties = [s.caller, ...others(s, s.caller)]
        if (!parties.includes(who) || (s.forks.delete(who) && s.forks.size > 0)) return []
        sessions.delete(slot)
        return send(
          parties.filter((party) => party !== who),
          'bye',
          slot,
          -1,
        )
      })
    },
    /** So long a time passes that everything that rings stops ringing. */
    timeOut(): Delivery[] {
      return [...sessions].flatMap(([slot, s]) => {
        if (s.callee !== undefined) return []
        sessions.delete(slot)
        return send([s.caller, ...s.forks], 'bye', slot, -1)
      })
    },
  }
}
