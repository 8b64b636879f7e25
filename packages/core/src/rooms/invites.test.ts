import { expect, test } from 'vitest'
import type { Authorize } from '../authorize.ts'
import { createWorld } from '../testing/kit.ts'

const wanted = { role: 'guest' as const, expires_in_s: 60, max_uses: 9 }

/** A world whose host application decides by hand who may invite. */
async function hosted() {
  const may = new Map<string, boolean>()
  const authorize: Authorize = ({ action, principal }) =>
    action === 'room.invite' ? may.get(principal.user_id) : undefined
  const world = await createWorld({ authorize })
  const { invites } = world.mesh
  return { ...world, may, invites, invite: (user_id: string) => invites.create({ user_id }, world.room, wanted) }
}

test('the host application is asked again when an invitation is accepted', async () => {
  const { may, bob, dan, invite, invites } = await hosted()
  const { code } = await invite(bob)
  may.set(bob, false)
  await expect(invites.accept(dan, code)).rejects.toMatchObject({ code: 'NOT_FOUND' })
  may.delete(bob)
  expect(await invites.accept(dan, code)).toMatchObject({ user_id: dan, role: 'guest' })
})

test('a guest whom the host application lets invite may, a stranger may not: nobody would notice when they may no more', async () => {
  const { may, cleo, dan, invite, invites } = await hosted()
  await expect(invite(cleo)).rejects.toMatchObject({ code: 'ACCESS_DENIED' })
  may.set(cleo, true).set(dan, true)
  await expect(invite(dan)).rejects.toMatchObject({ code: 'ACCESS_DENIED' })
  const { code } = await invite(cleo)
  expect(await invites.accept(dan, code)).toMatchObject({ role: 'guest' })
})
