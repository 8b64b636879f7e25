import { connect } from '@mesh/client-sdk'
import { describe, expect, it } from 'vitest'
import { after, cleanUp, statesOf, world } from './world.ts'

cleanUp()

describe('a client that the host application knows by its cookie', () => {
  it('has an access token for REST, and connects anew for another before it ends', async () => {
    let hellos = 0
    const user_id = `usr_${'c'.repeat(22)}`
    const server = await world({
      // As it is for whoever comes with a cookie: the second time it is good for long.
      async authenticate() {
        hellos++
        const issued = { access_token: `token-${hellos}`, expires_in: 600 }
        return { user_id, username: 'carol', expires_at: Date.now() + (hellos === 1 ? 61_000 : 600_000), issued }
      },
    })
    const mesh = await connect({ url: server.url })
    after(mesh.close)
    expect(mesh.accessToken).toBe('token-1')
    const { peer_id } = mesh.me
    const states = statesOf(mesh)
    const { resumed } = await mesh.once('system.welcome', { timeoutMs: 10_000 })
    expect(resumed).toBe(true)
    expect(mesh).toMatchObject({ accessToken: 'token-2', me: { peer_id }, state: 'online' })
    expect(states).toEqual(['reconnecting', 'online'])
    await mesh.request('system.ping', {})
  })

  it('takes the token that comes when the host vouches for it again', async () => {
    const principal = { user_id: `usr_${'c'.repeat(22)}`, username: 'carol' }
    const server = await world({
      authenticate: async () => ({ ...principal, expires_at: Date.now() + 61_000 }),
      revalidate: async () => ({
        ...principal,
        expires_at: Date.now() + 600_000,
        issued: { access_token: 'again', expires_in: 600 },
      }),
    })
    const mesh = await connect({ url: server.url })
    after(mesh.close)
    expect(mesh.accessToken).toBeUndefined()
    await mesh.once('system.token.refreshed', { timeoutMs: 10_000 })
    expect(mesh.accessToken).toBe('again')
    expect(server.requests).toHaveLength(1)
  })
})
