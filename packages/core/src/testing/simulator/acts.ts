import { createActor } from './actor.ts'
import type { Client } from './client.ts'
import type { Wire } from './history.ts'
import { terminalActs, terminalWeights } from './terminal-acts.ts'
import { transferActs, transferWeights } from './transfer-acts.ts'
import type { World } from './world.ts'

/** What a client may do next, by weight. What does not fit its state it leaves. */
const weights = {
  join: 6,
  leave: 1,
  chat: 10,
  repeatChat: 3,
  presence: 4,
  request: 8,
  call: 12,
  candidate: 12,
  reoffer: 2,
  hangUp: 2,
  acknowledge: 3,
  meddle: 2,
  misuse: 2,
  reconnect: 1,
  goAway: 0.3,
  ...terminalWeights,
  ...transferWeights,
} as const

const purposes = ['call', 'screen', 'share:file', 'terminal:control'] as const

/** Lets a client act, each time after it thought for a while, for as long as the run is restless. */
export function actOn(world: World, client: Client, room_ids: readonly string[], clients: readonly Client[]): void {
  const { random, ids, plan } = world
  const actor = createActor(world, client, clients)
  const { joined, tokenFor, somebody } = actor
  const said: Wire[] = []
  let words = 0

  const call = () => random.pick([...client.calls.open.values()])

  const acts: Record<keyof typeof weights, () => void> = {
    ...terminalActs(actor),
    ...transferActs(actor),
    join() {
      const room_id = random.pick(room_ids)
      if (room_id === undefined || (client.view.rooms.has(room_id) && random.chance(0.8))) return
      client.wanted.add(room_id)
      client.ask('room.join', room_id, {})
    },
    leave() {
      const [room_id] = joined() ?? []
      if (room_id === undefined) return
      client.wanted.delete(room_id)
      client.ask('room.leave', room_id, {})
    },
    chat() {
      const [room_id] = joined() ?? []
      if (room_id === undefined) return
      said.push(client.ask('chat.message.send', room_id, { text: `${client.name} says ${++words}` }))
    },
    repeatChat() {
      const before = random.pick(said)
      if (!before || !client.view.rooms.has(before.to)) return
      const payload = random.chance(0.2) ? { text: `${client.name} contradicts ${++words}` } : before.payload
      client.ask(before.type, before.to, payload, before.id)
    },
    presence() {
      const [room_id] = joined() ?? []
      const status = random.pick(['online', 'away', 'busy'])
      if (room_id !== undefined) client.say('presence.update', room_id, { status, note: String(++words) })
    },
    request() {
      const [room_id, room] = joined() ?? []
      if (room_id === undefined || !room) return
      const caps = purposes.filter((cap) => cap === 'call' || random.chance(0.3))
      const isTargeted = caps.includes('terminal:control') || random.chance(0.2)
      actor.request(room_id, caps, isTargeted ? random.pick([...room.peers.keys()]) : undefined)
    },
    call() {
      const [room_id, room] = joined() ?? []
      const to = room && somebody(room)
      if (room_id === undefined || !room || to === undefined) return
      const purpose = random.chance(0.7) ? 'call' : (random.pick(purposes) ?? 'call')
      const token = tokenFor(room, purpose)
      if (token === undefined && random.chance(0.9)) return acts.request()
      client.calls.offer({ rtc_id: ids.id('rtc'), room_id, purpose, to }, token)
    },
    candidate() {
      const own = call()
      for (let left = random.below(4); own && left >= 0; left--) client.calls.trickle(own)
    },
    reoffer() {
      const own = call()
      const room = own && client.view.rooms.get(own.room_id)
      if (own?.isOpen && room) client.calls.offer(own, tokenFor(room, own.purpose))
    },
    hangUp() {
      const own = call()
      if (own) client.calls.bye(own)
    },
    acknowledge: () => void client.say('system.ack', 'server', { received: client.received }),
    meddle() {
      // A signal of a session that is none of its business, as if it had come to know the id.
      const [, room] = joined() ?? []
      const to = room && somebody(room)
      const rtc_id = random.pick([...(actor.anybody()?.calls.open.keys() ?? [])])
      if (rtc_id === undefined || to === undefined || client.calls.open.has(rtc_id)) return
      if (random.chance(0.5)) client.say('rtc.ice', to, { rtc_id, candidate: null })
      else client.say('rtc.bye', to, { rtc_id, reason: 'hangup' })
    },
    misuse() {
      const room_id = random.pick(room_ids) ?? ''
      const what = random.weighted({ outside: 1, nothing: 1, forged: 1 })
      if (what === 'outside') client.ask('chat.message.send', room_id, { text: `${client.name} intrudes ${++words}` })
      else if (what === 'nothing') actor.request(room_id, ['terminal:control'])
      else {
        const [, room] = joined() ?? []
        if (!room) return
        const [to, token] = [somebody(room), tokenFor(room, 'call')]
        if (to === undefined || token === undefined) return
        client.calls.offer({ rtc_id: ids.id('rtc'), room_id, purpose: 'call', to }, `${token.slice(0, -2)}AA`)
      }
    },
    reconnect: () => client.line?.close(1000),
    goAway: () => client.goAway(),
  }

  function act(): void {
    if (!world.isRestless) return
    if (client.peer_id !== undefined) acts[random.weighted(weights)]()
    world.soon(plan.pace, act)
  }
  world.soon(plan.pace, act)
}
