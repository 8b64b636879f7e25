import assert from 'node:assert/strict'
import { rule, slowRule, type Case } from '../case.ts'
import type { User } from '../users.ts'
import { delay, denied, has, type World } from '../world.ts'

const accept = (t: World, user: User, code: string) => t.api(user, 'POST', `/invites/${code}/accept`)

async function invite(t: World, by: User, room: string, body: object = { role: 'guest' }): Promise<string> {
  const made = await t.api(by, 'POST', `/rooms/${room}/invites`, body)
  assert.equal(made.status, 201, `an invitation: ${JSON.stringify(made.body)}`)
  return String(made.body.code)
}

const members = async (t: World, as: User, room: string) =>
  ((await t.api(as, 'GET', `/rooms/${room}/members`)).body.data as { user_id: string; role: string }[])
    .map(({ user_id, role }) => `${user_id} ${role}`)
    .toSorted()

/** §11 and §13: invitations into rooms. */
export const invites: Case[] = [
  rule('invites.accept', '§11', 'Who accepts an invitation is a member, and the room is told.', async (t) => {
    const [owner, other] = (await t.people(2)) as [User, User]
    const room = await t.room(owner)
    const wire = await t.enter(owner, room)
    const { status, body } = await t.api(owner, 'POST', `/rooms/${room}/invites`, { role: 'member' })
    assert.equal(status, 201)
    has(body, { room_id: room, role: 'member', code: /^[\w-]{22,}$/ })
    assert.ok(Date.parse(String(body.expires_at)) > Date.now(), 'expires_at')
    const accepted = await accept(t, other, String(body.code))
    assert.ok(accepted.status === 200 || accepted.status === 201, `status ${accepted.status}`)
    has(accepted.body, { room_id: room })
    has((await wire.next(({ type }) => type === 'room.member.added')).payload, { user_id: other.user_id })
    assert.deepEqual(await members(t, owner, room), [`${owner.user_id} owner`, `${other.user_id} member`].toSorted())
  }),
  rule('invites.who-may', '§13', 'Members invite guests, owners anybody, guests and strangers nobody.', async (t) => {
    const [owner, member, guest, stranger] = (await t.people(4)) as [User, User, User, User]
    const room = await t.room(owner, [
      [member, 'member'],
      [guest, 'guest'],
    ])
    const ask = (by: User, role: string) => t.api(by, 'POST', `/rooms/${room}/invites`, { role })
    for (const role of ['owner', 'member', 'guest']) {
      assert.equal((await ask(owner, role)).status, 201, `an owner invites as ${role}`)
      for (const by of [guest, stranger]) denied(await ask(by, role), 403, 'ACCESS_DENIED')
      if (role !== 'guest') denied(await ask(member, role), 403, 'ACCESS_DENIED')
    }
    assert.equal((await ask(member, 'guest')).status, 201, 'a member invites a guest')
    denied(await t.api(undefined, 'POST', `/rooms/${room}/invites`, { role: 'guest' }), 401, 'AUTH_REQUIRED')
    denied(
      await t.api(owner, 'POST', `/rooms/room_${'n'.repeat(22)}/invites`, { role: 'guest' }),
      404,
      'ROOM_NOT_FOUND',
    )
    for (const wrong of [{}, { role: 'king' }, { role: 'guest', max_uses: 0 }, { role: 'guest', expires_in_s: -1 }]) {
      denied(await t.api(owner, 'POST', `/rooms/${room}/invites`, wrong), 400, 'BAD_MESSAGE')
    }
  }),
  rule('invites.uses', '§11', 'An invitation lets in as many as it says, however many come at once.', async (t) => {
    const people = (await t.people(7)) as [User, ...User[]]
    const [owner, ...others] = people
    const room = await t.room(owner)
    const code = await invite(t, owner, room, { role: 'guest', max_uses: 3 })
    const answers = await Promise.all(others.map((user) => accept(t, user, code)))
    assert.equal(answers.filter(({ status }) => status < 300).length, 3)
    for (const answer of answers) if (answer.status >= 300) denied(answer, 404, 'NOT_FOUND')
    assert.equal((await members(t, owner, room)).length, 4)
  }),
  rule('invites.member', '§11', 'A member who accepts one stays what they are, and uses nothing up.', async (t) => {
    const [owner, member, other] = (await t.people(3)) as [User, User, User]
    const room = await t.room(owner, [[member, 'member']])
    const code = await invite(t, owner, room, { role: 'guest', max_uses: 1 })
    for (const user of [owner, member]) assert.ok((await accept(t, user, code)).status < 300)
    assert.ok((await accept(t, other, code)).status < 300, 'the use is still there')
    assert.deepEqual(
      await members(t, owner, room),
      [`${owner.user_id} owner`, `${member.user_id} member`, `${other.user_id} guest`].toSorted(),
    )
  }),
  rule('invites.right', '§13', 'An invitation dies with the right of whoever made it.', async (t) => {
    const [owner, former, removed, other] = (await t.people(4)) as [User, User, User, User]
    const room = await t.room(owner, [
      [former, 'owner'],
      [removed, 'member'],
    ])
    const codes = [await invite(t, former, room, { role: 'member' }), await invite(t, removed, room)]
    await t.api(owner, 'PUT', `/rooms/${room}/members/${former.user_id}`, { role: 'guest' })
    await t.api(owner, 'DELETE', `/rooms/${room}/members/${removed.user_id}`)
    for (const code of codes) denied(await accept(t, other, code), 404, 'NOT_FOUND')
  }),
  slowRule(2, 'invites.gone', '§11', 'Unknown, expired and of a deleted room: one NOT_FOUND.', async (t) => {
    const [owner, other] = (await t.people(2)) as [User, User]
    const room = await t.room(owner)
    const expired = await invite(t, owner, room, { role: 'guest', expires_in_s: 1 })
    const good = await invite(t, owner, room)
    await delay(1_100)
    const deleted = await t.room(owner)
    const ofDeleted = await invite(t, owner, deleted)
    await t.api(owner, 'DELETE', `/rooms/${deleted}`)
    const unknown = good.replace(/.{8}$/, (end) => (end === 'AAAAAAAA' ? 'BBBBBBBB' : 'AAAAAAAA'))
    const answers = []
    for (const code of [unknown, expired, ofDeleted])
      answers.push(denied(await accept(t, other, code), 404, 'NOT_FOUND'))
    assert.equal(new Set(answers.map(({ body }) => String(body.message))).size, 1, 'told apart in nothing')
    denied(await t.api(undefined, 'POST', `/invites/${good}/accept`), 401, 'AUTH_REQUIRED')
  }),
]
