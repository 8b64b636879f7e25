import { decodeJwt } from 'jose'
import { describe, expect, it } from 'vitest'
import { createWorld, grant, heard, newRtcId, openCall, ring, sdpOf, settle } from './testing/kit.ts'
import { capabilityType } from './tokens/capability.ts'
import { createKeyring, generateSigningKey } from './tokens/keys.ts'

const [first, second] = [await generateSigningKey(), await generateSigningKey()]

async function rotating() {
  const world = await createWorld({ capabilityKeys: await createKeyring([first, second]) })
  const [a, b] = [await world.enter(world.ann), await world.enter(world.bob)]
  async function offer(cap_token: string) {
    const rtc_id = newRtcId()
    const before = a.frames.length
    a.send('rtc.offer', b.peer_id, { rtc_id, room_id: world.room, purpose: 'call', sdp: sdpOf(), cap_token })
    await settle(a)
    return a.frames.slice(before).find(({ type }) => type === 'error')?.code ?? 'delivered'
  }
  return { ...world, a, b, offer }
}

describe('a revoked signing key', () => {
  it('takes its capability tokens with it, those that were used before as well', async () => {
    const { mesh, room, a, offer } = await rotating()
    const [used, fresh] = [await grant(a, room, ['call']), await grant(a, room, ['call'])]
    expect(await offer(used)).toBe('delivered')
    mesh.revokeKey(first.kid)
    expect(await offer(used)).toBe('CAP_INVALID')
    expect(await offer(fresh)).toBe('CAP_INVALID')
    expect(await offer(await grant(a, room, ['call']))).toBe('delivered')
  })

  it('ends what its tokens opened, and nothing else', async () => {
    const { mesh, room, a, b } = await rotating()
    const open = await openCall(a, b, room)
    const ringing = await ring(a, room, b.peer_id)
    mesh.revokeKey('another')
    expect([heard(a), heard(b)].flat()).not.toContain('rtc.bye')
    mesh.revokeKey(first.kid)
    for (const client of [a, b]) {
      const byes = client.frames.filter(({ type }) => type === 'rtc.bye').map(({ payload }) => payload)
      expect(byes).toEqual([open, ringing].map((rtc_id) => ({ rtc_id, reason: 'revoked' })))
      expect(client.closed).toBeUndefined()
    }
    await openCall(a, b, room)
    mesh.revokeKey(first.kid)
    expect(heard(b).filter((type) => type === 'rtc.bye')).toHaveLength(2)
  })

  it('of a call is that of the latest token which its caller has shown', async () => {
    const { mesh, room, a, b } = await rotating()
    const successor = await createKeyring([second])
    const renewed = async (from: typeof a, to: typeof b, rtc_id: string) => {
      const claims = decodeJwt(await grant(from, room, ['call']))
      const cap_token = await successor.sign(capabilityType, claims)
      from.send('rtc.offer', to.peer_id, { rtc_id, room_id: room, purpose: 'call', sdp: sdpOf(), cap_token })
      await to.next('rtc.offer')
    }
    const byCaller = await openCall(a, b, room)
    await renewed(a, b, byCaller)
    const byCallee = await openCall(a, b, room)
    await renewed(b, a, byCallee)
    const ended = () => b.frames.filter(({ type }) => type === 'rtc.bye').map(({ payload }) => payload.rtc_id)
    mesh.revokeKey(first.kid)
    expect(ended()).toEqual([byCallee])
    mesh.revokeKey(second.kid)
    expect(ended()).toEqual([byCallee, byCaller])
  })

  it('closes the connections whose access token it signed', async () => {
    const { mesh, accessKeys, a, b, ann, token, open } = await rotating()
    const [{ kid }] = accessKeys.jwks.keys as [{ kid: string }]
    expect(mesh.revokeKey('another')).toBe(0)
    expect(a.closed).toBeUndefined()
    // The signature of this one is being checked while the key is revoked.
    const late = open()
    const good = await token(ann)
    late.send('system.hello', 'server', { token: good })
    accessKeys.revoke(kid)
    expect(mesh.revokeKey(kid)).toBe(2)
    for (const client of [a, b]) expect(client.closed).toEqual({ code: 4101, reason: 'revoked' })
    expect((await late.next('error')).code).toBe('AUTH_INVALID')
    expect((await open().ask('system.hello', 'server', { token: good })).code).toBe('AUTH_INVALID')
  })

  it('closes a connection that was being let in', async () => {
    let letIn = () => {}
    const world = await createWorld({
      authenticate: () =>
        new Promise((resolve) => {
          letIn = () => resolve({ user_id: `usr_${'u'.repeat(22)}`, username: 'u', kid: 'first' })
        }),
    })
    const client = world.open()
    client.send('system.hello', 'server', { token: 'x' })
    world.mesh.revokeKey('first')
    letIn()
    await expect(client.next('system.welcome')).rejects.toThrow('4101')
  })

  it('of a refreshed access token closes the connection, and the one before it no longer does', async () => {
    const keys = { first: 0, second: 1 }
    const of = (kid: string) => ({ user_id: `usr_${'u'.repeat(22)}`, username: 'u', kid })
    const world = await createWorld({ authenticate: async ({ token = '' }) => of(token in keys ? token : 'first') })
    const client = world.open()
    await client.ask('system.hello', 'server', { token: 'first' })
    await client.ask('system.token.refresh', 'server', { token: 'second' })
    expect(world.mesh.revokeKey('first')).toBe(0)
    expect(world.mesh.revokeKey('second')).toBe(1)
    expect(client.closed?.code).toBe(4101)
  })
})
