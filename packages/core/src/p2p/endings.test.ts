import { describe, expect, it } from 'vitest'
import { grant, settle, unhurried, type World } from '../testing/kit.ts'
import { closingsOf, createP2pWorld, createSlowRing, outcomeOf, standing } from '../testing/p2p-kit.ts'
import { createKeyring, generateSigningKey } from '../tokens/keys.ts'

type Standing = Awaited<ReturnType<typeof standing>>
type Act = (w: Standing) => unknown

const leave = (who: 'a' | 'b') => (w: Standing) => w[who].ask('room.leave', w.room, {})
const vanish = (who: 'a' | 'b') => (w: Standing) => w[who].vanish()
const remove = (who: 'ann' | 'bob') => async (w: Standing) => {
  await w.setRole(w.cleo, 'owner')
  await w.remove(w[who])
}
const logOut = (who: 'ann' | 'bob') => (w: Standing) => w.mesh.disconnect({ user_id: w[who] })

const policy = (policy: object) => (w: World) => w.mesh.rooms.update('administrator', w.room, { policy })

describe('an open session ends', () => {
  it.each<[string, Act, 'a' | 'b', string]>([
    ['an end leaves', leave('a'), 'b', 'cancelled'],
    ['the other end leaves', leave('b'), 'a', 'cancelled'],
    ['a connection is lost', vanish('a'), 'b', 'failed'],
    ["the other's connection is lost", vanish('b'), 'a', 'failed'],
    ['an end is removed', remove('ann'), 'b', 'revoked'],
    ['the other end is removed', remove('bob'), 'a', 'revoked'],
    ['an end is logged out', logOut('ann'), 'b', 'revoked'],
    ['the other end is logged out', logOut('bob'), 'a', 'revoked'],
  ])('when %s, and the one that stays is told at once', async (_name, act, stays, reason) => {
    const w = await standing('open')
    await act(w)
    expect(closingsOf(w[stays])).toEqual([{ session_id: w.session_id, reason }])
    expect((await w.close(w.session_id, w[stays])).code).toBe('NOT_FOUND')
  })

  it.each<[string, Act]>([
    ['an end is demoted', (w) => w.setRole(w.bob, 'guest')],
    [
      'the one that asked is demoted',
      async (w) => {
        await w.setRole(w.bob, 'owner')
        await w.setRole(w.ann, 'member')
      },
    ],
    ['the policy takes the purpose away', policy({ caps: { owner: ['call'] } })],
    ['the policy wants relays only', policy({ relay_only: true })],
    ['the policy allows less than the session', policy({ max_size: 1_073_741_823 })],
    ['the policy limits the rate that was without limit', policy({ max_rate: 1_000_000_000 })],
    ['the key that signed its token is revoked', (w) => w.mesh.revokeKey(kidOf(w))],
    ['the room is deleted', (w) => w.mesh.rooms.delete('administrator', w.room)],
  ])('when %s, for both', async (_name, act) => {
    const w = await standing('open')
    await act(w)
    const told = [closingsOf(w.a), closingsOf(w.b)].flat()
    expect(told).toContainEqual({ session_id: w.session_id, reason: 'revoked' })
    expect((await w.close(w.session_id)).code).toBe('NOT_FOUND')
  })

  it.each<[string, Act]>([
    ['the policy changes otherwise', policy({ caps: { guest: [] }, max_size: 1_073_741_824, max_rate: 0 })],
    ['an end is promoted', (w) => w.setRole(w.bob, 'owner')],
    ['somebody else is demoted', (w) => w.setRole(w.cleo, 'guest')],
    ['another key is revoked', (w) => w.mesh.revokeKey('another')],
    [
      'an end leaves another room',
      async (w) => {
        const { room_id } = await w.mesh.rooms.create(w.ann, 'Other')
        await w.a.ask('room.join', room_id, {})
        await w.a.ask('room.leave', room_id, {})
      },
    ],
  ])('not when %s', async (_name, act) => {
    const w = await standing('open')
    await act(w)
    await settle(w.a, w.b)
    expect([closingsOf(w.a), closingsOf(w.b)]).toEqual([[], []])
    expect((await w.renew(w.session_id)).type).toBe('p2p.session.renewed')
  })

  it('when the policy allows less than its token did, and not before', async () => {
    const w = await createP2pWorld()
    const cap_token = await grant(w.a, w.room, ['share:file'], { max_size: 10, max_rate: 5 })
    const { session_id } = await w.agree({ cap_token })
    await policy({ max_size: 10, max_rate: 5 })(w)
    await settle(w.a, w.b)
    expect([closingsOf(w.a), closingsOf(w.b)]).toEqual([[], []])
    await policy({ max_size: 10, max_rate: 4 })(w)
    for (const client of [w.a, w.b]) expect(closingsOf(client)).toEqual([{ session_id, reason: 'revoked' }])
  })

  it('when local addresses are no longer allowed, also if only the end that was asked has one', async () => {
    const w = await createP2pWorld()
    await w.mesh.rooms.update('administrator', w.room, { policy: { allow_local: true } })
    const { session_id } = await w.ask()
    await w.accept(session_id, w.b, { candidates: [{ host: '::1', port: 4433, type: 'host' }] })
    await w.mesh.rooms.update('administrator', w.room, { policy: { allow_local: false } })
    for (const client of [w.a, w.b]) expect(closingsOf(client)).toEqual([{ session_id, reason: 'revoked' }])
  })
})

describe('a session that waits for its answer ends', () => {
  it('after 15 s', async () => {
    const w = await standing('asked')
    w.clock.advance(14_999)
    expect(outcomeOf(w.a, w.id)).toBeUndefined()
    w.clock.advance(1)
    expect(outcomeOf(w.a, w.id)).toBe('P2P_SESSION_DENIED timeout')
    expect(closingsOf(w.b)).toEqual([{ session_id: w.session_id, reason: 'expired' }])
    expect(closingsOf(w.a)).toEqual([])
    expect((await w.accept(w.session_id)).code).toBe('NOT_FOUND')
  })

  it('not once it is accepted', async () => {
    const w = await standing('asked')
    w.clock.advance(14_999)
    await w.accept(w.session_id)
    w.clock.advance(30_000)
    expect([closingsOf(w.a), closingsOf(w.b)]).toEqual([[], []])
  })

  it.each<[string, Act, string]>([
    ['leaves', leave('b'), 'left'],
    ['vanishes', vanish('b'), 'left'],
    ['is removed', remove('bob'), 'revoked'],
    ['is logged out', logOut('bob'), 'revoked'],
    ['is demoted', (w) => w.setRole(w.bob, 'guest'), 'revoked'],
    ['hangs up', (w) => w.close(w.session_id, w.b, { reason: 'failed' }), 'rejected'],
  ])('when the one that is asked %s', async (_name, act, reason) => {
    const w = await standing('asked')
    await act(w)
    await settle(w.a)
    expect(outcomeOf(w.a, w.id)).toBe(`P2P_SESSION_DENIED ${reason}`)
    expect(closingsOf(w.a)).toEqual([])
  })

  it.each<[string, Act, string, string | undefined]>([
    ['leaves', leave('a'), 'cancelled', 'left'],
    ['vanishes', vanish('a'), 'cancelled', undefined],
    ['is removed', remove('ann'), 'revoked', 'revoked'],
    ['is logged out', logOut('ann'), 'revoked', undefined],
    [
      'is demoted',
      async (w) => {
        await w.setRole(w.bob, 'owner')
        await w.setRole(w.ann, 'member')
      },
      'revoked',
      'revoked',
    ],
    ['has its key revoked', (w) => w.mesh.revokeKey(kidOf(w)), 'revoked', 'revoked'],
    ['may no longer send so much', policy({ max_size: 1_000 }), 'revoked', 'revoked'],
  ])('when the one that asked %s', async (_name, act, reason, answer) => {
    const w = await standing('asked')
    await act(w)
    expect(closingsOf(w.b)).toEqual([{ session_id: w.session_id, reason }])
    if (answer) expect(outcomeOf(w.a, w.id)).toBe(`P2P_SESSION_DENIED ${answer}`)
    expect((await w.accept(w.session_id)).code).toBe('NOT_FOUND')
  })
})

describe('while the token is being signed', () => {
  async function slow() {
    const { gates, pace, capabilityKeys } = await createSlowRing()
    return { gates, pace, w: await standing('asked', { capabilityKeys }) }
  }

  it('nobody else can answer, and the time to answer no longer runs', async () => {
    const { gates, w } = await slow()
    const accepted = w.accept(w.session_id)
    await settle(w.a)
    w.clock.advance(15_000)
    expect(outcomeOf(w.a, w.id)).toBeUndefined()
    gates[0]?.open()
    expect((await accepted).type).toBe('p2p.session.created')
  })

  it('there is nothing to renew yet, also for a requester who has come to know of it', async () => {
    const { gates, pace, w } = await slow()
    const accepted = w.accept(w.session_id)
    await settle(w.a)
    pace.isSlow = false
    expect(await w.renew(w.session_id)).toMatchObject({ code: 'CONFLICT', payload: { reason: 'not_answered' } })
    gates[0]?.open()
    expect((await accepted).type).toBe('p2p.session.created')
    expect((await w.a.next('p2p.session.created')).reply_to).toBe(w.id)
    expect(w.b.frames.map(({ type }) => type)).not.toContain('p2p.session.renewed')
  })

  it('either end may still go', async () => {
    const { gates, w } = await slow()
    const accepted = w.accept(w.session_id)
    await settle(w.a)
    await w.a.ask('room.leave', w.room, {})
    expect(outcomeOf(w.a, w.id)).toBe('P2P_SESSION_DENIED left')
    expect(closingsOf(w.b)).toEqual([{ session_id: w.session_id, reason: 'cancelled' }])
    gates[0]?.open()
    expect((await accepted).code).toBe('NOT_FOUND')
    expect(w.a.frames.map(({ type }) => type)).not.toContain('p2p.session.created')
  })

  it('what goes wrong ends the session for both', async () => {
    const { gates, w } = await slow()
    const accepted = w.accept(w.session_id)
    await settle(w.a)
    gates[0]?.fail()
    expect((await accepted).code).toBe('INTERNAL')
    expect(outcomeOf(w.a, w.id)).toBe('P2P_SESSION_DENIED failed')
    expect((await w.close(w.session_id)).code).toBe('NOT_FOUND')
  })
})

describe('a session token that waits for a slow receiver', () => {
  it.each(['accept', 'renew'] as const)('to %s is not for somebody who is removed meanwhile', async (how) => {
    const w = await standing(how === 'accept' ? 'asked' : 'open', {
      limits: { ...unhurried, socket_buffer_bytes: 1_000 },
    })
    w.b.socket.bufferedAmount = 1_000
    void (how === 'accept' ? w.accept(w.session_id) : w.renew(w.session_id))
    await w.a.next(how === 'accept' ? 'p2p.session.created' : 'p2p.session.renewed')
    await w.remove(w.bob)
    const before = w.b.frames.length
    w.b.socket.bufferedAmount = 0
    w.b.connection.drained()
    expect(w.b.frames.slice(before).map(({ type }) => type)).toEqual(['room.left'])
  })
})

describe('a session that was renewed', () => {
  it('ends with the key of the token that renewed it, not with the one before', async () => {
    const [first, second] = [await generateSigningKey(), await generateSigningKey()]
    const ring = await createKeyring([first, second])
    const { sign } = await createKeyring([second])
    const w = await standing('open', { capabilityKeys: ring })
    ring.sign = sign
    await w.renew(w.session_id)
    w.mesh.revokeKey(first.kid)
    expect(closingsOf(w.b)).toEqual([])
    w.mesh.revokeKey(second.kid)
    for (const client of [w.a, w.b]) {
      expect(closingsOf(client)).toEqual([{ session_id: w.session_id, reason: 'revoked' }])
    }
  })
})

function kidOf({ capabilityKeys }: Pick<World, 'capabilityKeys'>): string {
  return capabilityKeys.jwks.keys[0]?.kid ?? ''
}
