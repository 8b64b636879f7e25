import { expect, it } from 'vitest'
import { Bars } from './bars.ts'
import { MeshError } from './errors.ts'
import { createWorld, settle } from './testing/kit.ts'

// The gaps are a few turns of the microtask queue wide; every one of them is tried.
const steps = Array.from({ length: 12 }, (_, step) => step)

/** An engine that revokes a login so many microtasks after it has been found good. */
async function revoking(step: number) {
  const world = await createWorld({
    async authenticate({ token }) {
      const [user_id, sid] = token?.split(' ') ?? []
      if (user_id === undefined) throw new MeshError('AUTH_REQUIRED')
      if (sid === 'revoked') {
        let turn = Promise.resolve()
        for (let i = 0; i < step; i++) turn = turn.then(() => {})
        void turn.then(() => world.mesh.disconnect({ sid }))
      }
      return { user_id, username: user_id, sid }
    },
  })
  const come = (sid: string) => {
    const client = world.open()
    client.send('system.hello', 'server', { token: `${world.ann} ${sid}` })
    return client
  }
  return { ...world, come }
}

it.each(steps)('nobody comes in whose login is revoked %i microtasks after it was found good', async (step) => {
  const { come } = await revoking(step)
  const client = come('revoked')
  for (let i = 0; i < 50; i++) await Promise.resolve()
  expect(client.closed?.code).toBe(4101)
})

it.each(steps)('nor goes on with a token that is revoked %i microtasks after', async (step) => {
  const { come, ann } = await revoking(step)
  const client = come('first')
  await client.next('system.welcome')
  client.send('system.token.refresh', 'server', { token: `${ann} revoked` })
  for (let i = 0; i < 50; i++) await Promise.resolve()
  expect(client.closed?.code).toBe(4101)
})

it('a refused token leaves nothing behind that a later revocation would meet', async () => {
  const { come, mesh, ann } = await revoking(0)
  const client = come('first')
  await client.next('system.welcome')
  await client.ask('system.token.refresh', 'server', {}, {})
  mesh.disconnect({ sid: 'second' })
  await client.ask('system.token.refresh', 'server', { token: `${ann} second` })
  await settle(client)
  expect(client.closed).toBeUndefined()
})

it.each([
  ['used', () => Promise.resolve()],
  ['a refusal', () => Promise.reject(new MeshError('AUTH_INVALID'))],
])('no revocation is noted any more once the answer is %s', async (_, answer) => {
  const bars = new Bars()
  const [before, after] = ['before', 'after'].map((sid) => ({ which: { sid }, reason: 'revoked' as const }))
  let noted: readonly unknown[] = []
  const asking = bars.during((list) => {
    noted = list
    return answer()
  })
  bars.note(before!)
  await asking.catch(() => {})
  bars.note(after!)
  expect(noted).toEqual([before])
})
