import { describe, expect, it } from 'vitest'
import { heard, settle, unhurried } from '../testing/kit.ts'
import { claimsOf, closingsOf, createP2pWorld, fingerprintOf, outcomeOf, p2pEnd } from '../testing/p2p-kit.ts'
import { publicKeysFrom, verifySessionToken } from '../tokens/index.ts'

describe('a session', () => {
  it('is asked for, accepted and created for both ends, and its token says what was agreed', async () => {
    const w = await createP2pWorld()
    const device_id = `dev_${'d'.repeat(22)}`
    const agent = await w.enter(w.bob, { device_id })
    const params = { name: 'a.zip', size: 10, mime: 'application/zip', entries: 1 }
    const { id, asked, session_id } = await w.ask({ to: device_id, params }, agent)
    expect(session_id).toMatch(/^p2p_[\w-]{22,}$/)
    expect(asked).toMatchObject({ from: w.a.peer_id, to: agent.peer_id })
    expect(asked.payload).toEqual({
      session_id,
      room_id: w.room,
      purpose: 'share:file',
      ...p2pEnd(),
      params,
      max_size: 1_073_741_824,
      max_rate: 0,
    })
    expect(outcomeOf(w.a, id)).toBeUndefined()

    const accepted = await w.accept(session_id, agent)
    const created = await w.a.next('p2p.session.created')
    const ends = {
      requester: { peer_id: w.a.peer_id, user_id: w.ann, fingerprint: fingerprintOf() },
      acceptor: { peer_id: agent.peer_id, user_id: w.bob, device_id, fingerprint: fingerprintOf('B') },
    }
    const { session_token } = created.payload
    const common = { session_id, session_token, expires_at: '2026-01-01T00:01:00.000Z' }
    const { candidates } = p2pEnd()
    expect(created).toMatchObject({ reply_to: id, from: 'server' })
    expect(created.payload).toEqual({ ...common, role: 'requester', peer: { ...ends.acceptor, candidates } })
    expect(accepted.payload).toEqual({ ...common, role: 'acceptor', peer: { ...ends.requester, candidates } })

    const iat = w.clock.now() / 1000
    expect(claimsOf(session_token)).toEqual({
      iss: w.issuer,
      aud: w.issuer,
      jti: expect.any(String),
      iat,
      exp: iat + 60,
      session_id,
      room_id: w.room,
      purpose: 'share:file',
      ...ends,
      max_size: 1_073_741_824,
      max_rate: 0,
    })
  })

  it('carries the limits of the token, or else of the room', async () => {
    const w = await createP2pWorld()
    await w.mesh.rooms.update('administrator', w.room, { policy: { max_size: 100, max_rate: 9 } })
    const limitsOf = async (limits: object) => {
      const asking = { room_id: w.room, caps: ['share:file'], ...limits }
      const { payload } = await w.a.ask('capability.request', 'server', asking)
      const { session_id, token } = await w.agree({ cap_token: String(payload.token) })
      const asked = w.b.frames.findLast(({ type }) => type === 'p2p.session.request')?.payload
      const renewed = await w.renew(session_id)
      return [asked, claimsOf(token), claimsOf(renewed.payload.session_token)].map((from) => [
        from?.max_size,
        from?.max_rate,
      ])
    }
    expect(await limitsOf({})).toEqual([
      [100, 9],
      [100, 9],
      [100, 9],
    ])
    // A renewal without figures of its own leaves the session what it was opened as.
    expect(await limitsOf({ max_size: 5, max_rate: 2 })).toEqual([
      [5, 2],
      [5, 2],
      [5, 2],
    ])
  })

  it('is renewed by either end, for both, and ends when it is not', async () => {
    const w = await createP2pWorld()
    const { session_id } = await w.agree()
    for (const [by, other] of [
      [w.a, w.b],
      [w.b, w.a],
    ] as const) {
      w.clock.advance(50_000)
      const renewed = await w.renew(session_id, by)
      const told = await other.next('p2p.session.renewed')
      expect(renewed.type).toBe('p2p.session.renewed')
      expect(told.payload).toEqual(renewed.payload)
      expect(told.reply_to).toBeUndefined()
      const { exp } = claimsOf(renewed.payload.session_token)
      expect(exp).toBe(w.clock.now() / 1000 + 60)
      expect(renewed.payload).toMatchObject({ session_id, expires_at: new Date(exp * 1000).toISOString() })
    }
    w.clock.advance(64_999)
    expect([closingsOf(w.a), closingsOf(w.b)]).toEqual([[], []])
    w.clock.advance(1)
    const expired = [{ session_id, reason: 'expired' }]
    expect([closingsOf(w.a), closingsOf(w.b)]).toEqual([expired, expired])
    expect((await w.renew(session_id)).code).toBe('NOT_FOUND')
  })

  it('is closed by either end, with what it has to say, once', async () => {
    const w = await createP2pWorld()
    for (const [by, other] of [
      [w.a, w.b],
      [w.b, w.a],
    ] as const) {
      const { session_id } = await w.agree()
      const said = { session_id, reason: 'completed', bytes: 7, duration_ms: 8 }
      const closed = await w.close(session_id, by, said)
      expect(closed).toMatchObject({ type: 'p2p.session.closed', payload: said })
      expect(closingsOf(other)).toEqual([said])
      expect((await w.close(session_id, by)).code).toBe('NOT_FOUND')
      expect((await w.close(session_id, other)).code).toBe('NOT_FOUND')
    }
    expect(w.clock.timers).toBe((await createP2pWorld()).clock.timers)
  })

  it('with a device is with the newest of its peers that is connected', async () => {
    const w = await createP2pWorld({ limits: { ...unhurried, resume_window_s: 120 } })
    const device_id = `dev_${'d'.repeat(22)}`
    const [older, newer] = [await w.enter(w.bob, { device_id }), await w.enter(w.bob, { device_id })]
    await w.request({ to: device_id })
    await settle(older, newer)
    expect([heard(older), heard(newer)].map((types) => types.includes('p2p.session.request'))).toEqual([false, true])
    newer.vanish()
    await w.request({ to: device_id })
    await settle(older)
    expect(heard(older)).toContain('p2p.session.request')
  })

  it('waits for an end that reconnects', async () => {
    const w = await createP2pWorld({ limits: { ...unhurried, resume_window_s: 120 } })
    const { session_id } = await w.agree()
    w.b.vanish()
    w.clock.advance(50_000)
    expect((await w.renew(session_id)).type).toBe('p2p.session.renewed')
    expect(closingsOf(w.a)).toEqual([])
    const id = await w.request()
    expect(outcomeOf(w.a, id)).toBe('UNROUTABLE')
  })
})

describe('a repeated id', () => {
  it('asks once, and is answered like the first time', async () => {
    const w = await createP2pWorld()
    const cap_token = String(
      (await w.a.ask('capability.request', 'server', { room_id: w.room, caps: ['share:file'] })).payload.token,
    )
    const { id, session_id } = await w.ask({ cap_token })
    await w.request({ id, cap_token })
    await w.request({ id, cap_token, fingerprint: fingerprintOf('C') })
    expect(outcomeOf(w.a, id)).toBe('CONFLICT repeated_id')
    await settle(w.a, w.b)
    expect(w.b.frames.filter(({ type }) => type === 'p2p.session.request')).toHaveLength(1)
    await w.accept(session_id)
    await w.request({ id, cap_token })
    const created = w.a.frames.filter(({ type }) => type === 'p2p.session.created')
    expect(created).toHaveLength(2)
    expect(created[1]?.payload).toEqual(created[0]?.payload)
    expect(w.b.frames.filter(({ type }) => type === 'p2p.session.request')).toHaveLength(1)
  })

  it('accepts once', async () => {
    const w = await createP2pWorld()
    const { session_id } = await w.ask()
    const id = crypto.randomUUID()
    for (let i = 0; i < 2; i++) w.b.send('p2p.session.accept', 'server', { session_id, ...p2pEnd() }, { id })
    await settle(w.b)
    const [first, second] = w.b.frames.filter(({ reply_to }) => reply_to === id)
    expect(second?.payload).toEqual(first?.payload)
    expect(w.a.frames.filter(({ type }) => type === 'p2p.session.created')).toHaveLength(1)
  })
})

describe('a session token', async () => {
  const w = await createP2pWorld()
  const { token } = await w.agree()
  const keys = await publicKeysFrom(JSON.parse(JSON.stringify(w.capabilityKeys.jwks)))
  const now = w.clock.now()
  const sound = claimsOf(token)
  const verify = (token: string, options: object = {}) =>
    verifySessionToken(token, { keys, issuer: w.issuer, now, ...options })

  it('is verified with the public keys alone', async () => {
    expect(await verify(token)).toMatchObject(sound)
  })

  it.each([
    ['another issuer', { iss: 'https://other.test' }],
    ['another audience', { aud: 'https://other.test' }],
    ['a life of 61 s', { exp: sound.iat + 61 }],
    ['no life', { exp: sound.iat }],
    ['one end only', { acceptor: undefined }],
    ['a fingerprint that is none', { acceptor: { ...sound.acceptor, fingerprint: 'sha-1 AA' } }],
    ['no limit of size', { max_size: undefined }],
    ['something of its own', { more: 1 }],
  ])('is not good with %s', async (_name, wrong) => {
    const forged = await w.capabilityKeys.sign('mesh-p2p+jwt', { ...sound, ...wrong })
    expect(await verify(forged)).toBeUndefined()
    expect(await verify(await w.capabilityKeys.sign('mesh-p2p+jwt', sound))).toBeDefined()
  })

  it('is not good as another kind, or under another key', async () => {
    expect(await verify(await w.capabilityKeys.sign('mesh-cap+jwt', sound))).toBeUndefined()
    expect(await verify(await w.accessKeys.sign('mesh-p2p+jwt', sound))).toBeUndefined()
  })

  it('is good from 5 s before it was made to 5 s after its exp, or as far as the agent allows its clock to be off', async () => {
    const goodAt = async (at: number, leeway_s?: number) =>
      (await verify(token, { now: at, ...(leeway_s === undefined ? {} : { leeway_s }) })) !== undefined
    const [made, over] = [sound.iat * 1000, sound.exp * 1000]
    expect([await goodAt(made - 5_001), await goodAt(made - 5_000)]).toEqual([false, true])
    expect([await goodAt(over + 4_999), await goodAt(over + 5_000)]).toEqual([true, false])
    expect([await goodAt(made - 30_000, 30), await goodAt(over + 29_999, 30)]).toEqual([true, true])
    expect([await goodAt(made - 30_001, 30), await goodAt(over + 30_000, 30)]).toEqual([false, false])
  })
})
