import { describe, expect, it } from 'vitest'
import { comeBack, createWorld, grant, resumeOf, settle, unhurried } from '../testing/kit.ts'
import { askAs, controlHeard, controlOf, createStage, share, type Stage } from '../testing/terminal-kit.ts'
import type { TestClient } from '../testing/index.ts'
import { issueCapability, type CapabilityClaims } from '../tokens/capability.ts'

const stage = async (limits: object = {}) => createStage(await createWorld({ limits: { ...unhurried, ...limits } }))

describe('taking control', () => {
  it('is granted to the one peer and told to the room, with a fence and an end', async () => {
    const s = await stage()
    const { ann, bob, cleo } = s.peers
    const granted = await s.take(cleo)
    const payload = {
      terminal_id: s.terminal_id,
      peer_id: cleo.peer_id,
      fence: 1,
      expires_at: '2026-01-01T00:00:15.000Z',
    }
    expect(granted).toMatchObject({ type: 'terminal.control.granted', from: cleo.peer_id, to: s.room })
    expect(granted.payload).toEqual({ ...payload, seq: 7 })
    for (const other of [ann, bob]) {
      expect((await other.next('terminal.control.granted')).payload).toEqual({ ...payload, seq: 7 })
    }
    await settle(ann, bob, cleo)
    expect([ann, bob, cleo].map((client) => controlHeard(client).length)).toEqual([1, 1, 1])
    const [stored] = await s.storage.events.before(s.room, { limit: 1 })
    expect(stored).toMatchObject({ seq: 7, type: 'terminal.control.granted', payload })
  })

  it('is a CONFLICT with the holder while another has it', async () => {
    const s = await stage()
    const { ann, bob, cleo } = s.peers
    await s.control(cleo)
    for (const other of [ann, bob, await s.enter(s.cleo)]) {
      expect(await s.take(other)).toMatchObject({ code: 'CONFLICT', payload: { holder: cleo.peer_id } })
    }
    await s.release(cleo)
    expect(await s.control(ann)).toBe(2)
  })

  it('by the holder again is a new grant', async () => {
    const s = await stage()
    expect([await s.control(s.peers.cleo), await s.control(s.peers.cleo)]).toEqual([1, 2])
    expect((await s.renew(s.peers.cleo, 1)).code).toBe('CONFLICT')
    expect((await s.renew(s.peers.cleo, 2)).payload.fence).toBe(2)
  })

  it('acts once for a repeated id', async () => {
    const s = await stage()
    const { bob, cleo } = s.peers
    const cap_token = await controlOf(cleo, s.room, bob)
    const id = crypto.randomUUID()
    const take = () => askAs(id, cleo, 'terminal.control.take', 'server', { terminal_id: s.terminal_id, cap_token })
    expect(await take()).toEqual(await take())
    expect(controlHeard(bob)).toEqual([[1, cleo.peer_id]])
  })

  it('lasts no longer than the token, to the millisecond', async () => {
    const s = await stage()
    const { bob, cleo } = s.peers
    const cap_token = await controlOf(cleo, s.room, bob, { ttl_s: 60 })
    const take = () => cleo.ask('terminal.control.take', 'server', { terminal_id: s.terminal_id, cap_token })
    s.clock.advance(50_000)
    expect((await take()).payload.expires_at).toBe('2026-01-01T00:01:00.000Z')
    s.clock.advance(10_000)
    // The token is good for another 5 s of leeway, a lease is not.
    expect((await take()).code).toBe('CAP_EXPIRED')
  })

  it.each([
    ['no token', {}, 'CAP_REQUIRED'],
    ['a forged token', { cap_token: 'a.b.c' }, 'CAP_INVALID'],
    ['an unknown terminal', { terminal_id: 'term_aaaaaaaaaaaaaaaaaaaaaaaa' }, 'NOT_FOUND'],
    ['an id that is none', { terminal_id: 'room_aaaaaaaaaaaaaaaaaaaaaaaa' }, 'BAD_MESSAGE'],
    ['a force that is none', { force: 1 }, 'BAD_MESSAGE'],
  ])('is refused: %s', async (_what, extra, code) => {
    const s = await stage()
    const reply = await s.peers.cleo.ask('terminal.control.take', 'server', { terminal_id: s.terminal_id, ...extra })
    expect(reply.code).toBe(code)
    if (code === 'CAP_REQUIRED') expect(reply.payload.required).toBe('terminal:control')
  })

  it.each([
    ['another capability', { caps: ['terminal:view'] }, 'CAP_REQUIRED'],
    ['another target', { target_peer_id: 'peer_aaaaaaaaaaaaaaaaaaaaaaaa' }, 'CAP_INVALID'],
    [
      'another device as target',
      { target_peer_id: undefined, target_device_id: 'dev_aaaaaaaaaaaaaaaaaaaaaaaa' },
      'CAP_INVALID',
    ],
    ['no target', { target_peer_id: undefined }, 'CAP_INVALID'],
    ['another peer', { sub: 'peer_aaaaaaaaaaaaaaaaaaaaaaaa' }, 'CAP_INVALID'],
    ['another room', { room_id: 'room_aaaaaaaaaaaaaaaaaaaaaaaa' }, 'CAP_INVALID'],
    ['a version of before', { mv: 1 }, 'CAP_INVALID'],
    ['its time over', { iat: 0, exp: 60 }, 'CAP_EXPIRED'],
  ] as const)('is refused with a token for %s', async (_what, change, code) => {
    const s = await stage()
    const { bob, cleo } = s.peers
    const iat = Math.floor(s.clock.now() / 1000)
    const claims: CapabilityClaims = {
      iss: s.issuer,
      aud: s.issuer,
      sub: cleo.peer_id,
      room_id: s.room,
      caps: ['terminal:control'],
      iat,
      exp: iat + 60,
      jti: crypto.randomUUID(),
      mv: 5,
      target_peer_id: bob.peer_id,
    }
    const take = async (of: object) => {
      // Claims as a signer with our keys might write them, whatever our own code would grant.
      const cap_token = await issueCapability(s.capabilityKeys, { ...claims, ...of } as CapabilityClaims)
      return cleo.ask('terminal.control.take', 'server', { terminal_id: s.terminal_id, cap_token })
    }
    expect((await take(change)).code).toBe(code)
    expect((await take({})).type).toBe('terminal.control.granted')
  })

  it('with a capability for the device of the host is granted', async () => {
    const s = await stage()
    const device_id = 'dev_aaaaaaaaaaaaaaaaaaaaaaaa'
    const agent = await s.enter(s.bob, { device_id })
    const terminal_id = await share(agent, s.room)
    const cap_token = await grant(s.peers.cleo, s.room, ['terminal:control'], { target_device_id: device_id })
    const granted = await s.peers.cleo.ask('terminal.control.take', 'server', { terminal_id, cap_token })
    expect(granted.payload).toMatchObject({ terminal_id, fence: 1 })
  })

  it('in a room that is not theirs is NOT_FOUND; in one that this peer has not joined, ACCESS_DENIED', async () => {
    const s = await stage()
    const payload = { terminal_id: s.terminal_id, fence: 1 }
    for (const type of ['take', 'renew', 'release']) {
      const { fence: _, ...rest } = payload
      const of = type === 'take' ? rest : payload
      const [dan, outside] = [await s.connect(s.dan), await s.connect(s.ann)]
      expect((await dan.ask(`terminal.control.${type}`, 'server', of)).code, type).toBe('NOT_FOUND')
      expect((await outside.ask(`terminal.control.${type}`, 'server', of)).code, type).toBe('ACCESS_DENIED')
    }
  })

  it('of a terminal whose host is away is UNROUTABLE, until it is back', async () => {
    const s = await stage({ resume_window_s: 120 })
    const { bob, cleo } = s.peers
    const lost = resumeOf(bob)
    bob.vanish()
    expect((await s.take(cleo)).code).toBe('UNROUTABLE')
    expect((await s.storage.terminals.find(s.terminal_id))?.fence).toBe(0)
    const again = await comeBack(s, s.bob, lost)
    expect(await s.control(cleo)).toBe(1)
    expect(controlHeard(again)).toEqual([[1, cleo.peer_id]])
  })
})

describe('taking by force', () => {
  it("is for the peers of the host's user, as a new grant", async () => {
    const s = await stage()
    const { bob, cleo } = s.peers
    await s.control(cleo)
    expect(await s.control(bob, { force: true })).toBe(2)
    const other = await s.enter(s.bob)
    expect(await s.control(other, { force: true })).toBe(3)
    const without = { terminal_id: s.terminal_id, force: true }
    expect((await bob.ask('terminal.control.take', 'server', without)).code).toBe('CAP_REQUIRED')
    expect(controlHeard(cleo)).toEqual([
      [1, cleo.peer_id],
      [2, bob.peer_id],
      [3, other.peer_id],
    ])
    expect((await s.renew(cleo, 1)).code).toBe('CONFLICT')
  })

  it('by an owner frees the lease, without a capability and without a grant', async () => {
    const s = await stage()
    const { ann, bob, cleo } = s.peers
    await s.control(cleo)
    const force = { terminal_id: s.terminal_id, force: true }
    const id = crypto.randomUUID()
    const freed = await askAs(id, ann, 'terminal.control.take', 'server', force)
    expect(freed).toMatchObject({ type: 'terminal.control.released', payload: { fence: 1, reason: 'forced' } })
    expect(await askAs(id, ann, 'terminal.control.take', 'server', force)).toEqual(freed)
    expect(controlHeard(bob)).toEqual([
      [1, cleo.peer_id],
      [1, 'forced'],
    ])
    expect((await s.renew(cleo, 1)).code).toBe('CONFLICT')
    // With nobody to take it from it is an ordinary one.
    expect((await ann.ask('terminal.control.take', 'server', force)).code).toBe('CAP_REQUIRED')
    expect(await s.control(ann, { force: true })).toBe(2)
    expect(await s.control(ann, { force: true })).toBe(3)
  })

  it('by anybody else is ACCESS_DENIED, held or not', async () => {
    const s = await stage()
    expect((await s.take(s.peers.cleo, { force: true })).code).toBe('ACCESS_DENIED')
    await s.control(s.peers.ann)
    expect((await s.take(s.peers.cleo, { force: true })).code).toBe('ACCESS_DENIED')
  })
})

describe('renewing', () => {
  it('puts the end off, under the same fence, and is told to the holder alone', async () => {
    const s = await stage()
    const { ann, bob, cleo } = s.peers
    const fence = await s.control(cleo)
    for (const at of ['25', '35', '45']) {
      s.clock.advance(10_000)
      const renewed = await s.renew(cleo, fence)
      expect(renewed.type).toBe('terminal.control.granted')
      expect(renewed.payload).toEqual({
        terminal_id: s.terminal_id,
        peer_id: cleo.peer_id,
        fence,
        expires_at: `2026-01-01T00:00:${at}.000Z`,
      })
    }
    await settle(ann, bob)
    expect([controlHeard(ann), controlHeard(bob)]).toEqual([[[1, cleo.peer_id]], [[1, cleo.peer_id]]])
  })

  it('needs a live capability each time', async () => {
    const s = await stage()
    const { bob, cleo } = s.peers
    const fence = await s.control(cleo)
    const of = { terminal_id: s.terminal_id, fence }
    const renew = (cap_token?: string) => cleo.ask('terminal.control.renew', 'server', { ...of, cap_token })
    expect((await renew()).code).toBe('CAP_REQUIRED')
    expect((await renew('x.y.z')).code).toBe('CAP_INVALID')
    const token = await controlOf(cleo, s.room, bob, { ttl_s: 60 })
    s.clock.advance(10_000)
    expect((await s.renew(cleo, fence)).type).toBe('terminal.control.granted')
    s.clock.advance(50_000)
    expect((await renew(token)).code).toBe('CAP_EXPIRED')
  })

  it.each([
    ['another fence', (s: Stage) => s.renew(s.peers.cleo, 2), true],
    ['another peer', (s: Stage) => s.renew(s.peers.ann, 1), true],
    ['nobody in control', (s: Stage) => s.release(s.peers.cleo).then(() => s.renew(s.peers.cleo, 1)), false],
    ['its time over', async (s: Stage) => (s.clock.advance(15_000), s.renew(s.peers.cleo, 1)), false],
  ])('is a CONFLICT: %s', async (_what, renew, isHeld) => {
    const s = await stage()
    await s.control(s.peers.cleo)
    const { code, payload } = await renew(s)
    expect([code, payload.holder]).toEqual(['CONFLICT', isHeld ? s.peers.cleo.peer_id : undefined])
  })
})

describe('releasing', () => {
  const reply = ({ type, code, payload }: Awaited<ReturnType<TestClient['ask']>>) => [
    code ?? type,
    payload.reason,
    payload.holder,
  ]

  it('is for the holder, of the grant it means', async () => {
    const s = await stage()
    const { ann, bob, cleo } = s.peers
    expect(reply(await s.release(cleo))).toEqual(['CONFLICT', 'not_held', undefined])
    await s.control(cleo)
    for (const other of [ann, bob]) {
      expect(reply(await s.release(other))).toEqual(['CONFLICT', 'not_held', cleo.peer_id])
    }
    expect(reply(await s.release(cleo, { fence: 2 }))).toEqual(['CONFLICT', 'not_held', cleo.peer_id])
    expect(reply(await s.release(cleo, { fence: 1 }))).toEqual(['terminal.control.released', 'released', undefined])
    expect(reply(await s.release(cleo))).toEqual(['CONFLICT', 'not_held', undefined])
    expect(controlHeard(bob)).toEqual([
      [1, cleo.peer_id],
      [1, 'released'],
    ])
  })
})
