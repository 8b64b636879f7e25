import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { candidateOf, createWorld, grant, join, newRtcId, sdpOf, settle } from '../testing/kit.ts'
import type { TestClient } from '../testing/index.ts'
import { createSignalingModel, type Delivery, type Who } from '../testing/signaling-model.ts'

// Peers 0 and 1 are ann's, 2 to 4 bob's, 5 is cleo's.
const users = ['ann', 'ann', 'bob', 'bob', 'bob', 'cleo']
const slots = 3

const who = fc.nat(users.length - 1)
const slot = fc.nat(slots - 1)
/** Most signals are addressed as they should be, or nothing would ever happen. */
const to = fc.oneof(
  { weight: 4, arbitrary: fc.constant('right' as const) },
  { weight: 1, arbitrary: who },
  { weight: 1, arbitrary: fc.constant('user' as const) },
)
const action = fc.oneof(
  {
    weight: 4,
    arbitrary: fc.record({
      kind: fc.constant('offer' as const),
      slot,
      who,
      to: fc.oneof(to, fc.constant('user' as const)),
    }),
  },
  { weight: 6, arbitrary: fc.record({ kind: fc.constantFrom('answer' as const, 'ice' as const), slot, who, to }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('bye' as const), slot, who, to }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('leave' as const), who }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('join' as const), who }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('timeOut' as const) }) },
)

async function createStage() {
  const world = await createWorld({
    limits: {
      ring_ms: 100,
      offences: { burst: 1e6, per_s: 1e6 },
      frames: { burst: 1e6, per_s: 1e6 },
      classes: { sdp: { burst: 1e6 }, ice: { burst: 1e6 }, other: { burst: 1e6 } },
    },
  })
  const ids = { ann: world.ann, bob: world.bob, cleo: world.cleo }
  const clients: TestClient[] = []
  for (const name of users) clients.push(await world.enter(ids[name as keyof typeof ids]))
  const rtc = Array.from({ length: slots }, newRtcId)
  const tokens: string[] = []
  for (const client of clients) tokens.push(await grant(client, world.room, ['call'], { ttl_s: 180 }))
  const numberOf = (peer_id: string) => clients.findIndex((client) => client.peer_id === peer_id)
  const client = (who: Who) => {
    const found = clients[who]
    if (!found) throw new Error(`no peer ${who}`)
    return found
  }
  let looked = clients.map(({ frames }) => frames.length)
  return {
    ...world,
    client,
    clients,
    send(kind: 'offer' | 'answer' | 'ice' | 'bye', slot: number, who: Who, to: Who | 'user') {
      const rtc_id = rtc[slot]
      const payload = {
        offer: { room_id: world.room, purpose: 'call', sdp: sdpOf(), cap_token: tokens[who] },
        answer: { sdp: sdpOf() },
        ice: { candidate: candidateOf('1') },
        bye: { reason: 'hangup' },
      }[kind]
      client(who).send(`rtc.${kind}`, to === 'user' ? world.bob : client(to).peer_id, { rtc_id, ...payload })
      return settle(client(who))
    },
    /** What everybody got since the last look. */
    look(): Delivery[] {
      const from = looked
      looked = clients.map(({ frames }) => frames.length)
      return clients.flatMap(({ frames }, to) =>
        frames.slice(from[to]).flatMap(({ type, payload, from }) =>
          type.startsWith('rtc.')
            ? [
                {
                  to,
                  type: type.slice(4) as Delivery['type'],
                  slot: rtc.indexOf(String(payload.rtc_id)),
                  from: from === 'server' ? -1 : numberOf(from),
                },
              ]
            : [],
        ),
      )
    },
  }
}

/** Of two signals for different peers, or of different sessions, it does not matter which was written first. */
const inOrder = (deliveries: Delivery[]) =>
  [...deliveries]
    .sort((a, b) => a.to - b.to || a.slot - b.slot)
    .map(({ to, type, slot, from }) => `${to} gets ${type} ${slot} from ${from}`)

describe('signaling', () => {
  it('delivers exactly what a plain model says, whatever anybody tries', async () => {
    const seen = new Map<string, number>()
    await fc.assert(
      fc.asyncProperty(fc.array(action, { minLength: 10, maxLength: 40 }), async (actions) => {
        const stage = await createStage()
        const model = createSignalingModel(users, 'bob')
        stage.look()
        for (const one of actions) {
          let expected: Delivery[] = []
          if (one.kind === 'timeOut') {
            expected = model.timeOut()
            stage.clock.advance(100)
          } else if (one.kind === 'leave') {
            expected = model.leave(one.who)
            await stage.client(one.who).ask('room.leave', stage.room, {})
          } else if (one.kind === 'join') {
            model.joined.add(one.who)
            await join(stage.client(one.who), stage.room)
          } else {
            const to = one.to === 'right' ? (model.rightAddress(one.slot, one.who) ?? 'user') : one.to
            expected = model[one.kind](one.slot, one.who, to)
            await stage.send(one.kind, one.slot, one.who, to)
          }
          for (const { type, from } of expected)
            seen.set(`${type}${from < 0 ? ' of the server' : ''}`, (seen.get(type) ?? 0) + 1)
          expect(inOrder(stage.look()), JSON.stringify(one)).toEqual(inOrder(expected))
        }
        await stage.mesh.close()
      }),
      { numRuns: 100 },
    )
    // A property over sequences in which nothing happens would hold as well.
    expect([...seen.keys()].sort()).toEqual(['answer', 'bye', 'bye of the server', 'ice', 'offer'])
  })
})
