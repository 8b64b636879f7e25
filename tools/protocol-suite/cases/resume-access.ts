import assert from 'node:assert/strict'
import { rule, type Case } from '../case.ts'
import { closes, has, refused } from '../world.ts'
import { anew, comeBack, lost, resumed, texts, ticketOf } from './tickets.ts'

/** §4: who may resume what, and what is left of what was taken away meanwhile. */
export const resumeAccess: Case[] = [
  rule('resume.single-use', '§4', 'A resume token is good once.', async (t) => {
    const { b, user } = await lost(t)
    const ticket = ticketOf(b)
    const first = await resumed(t, user, b)
    const second = await anew(t, user, ticket, b)
    await t.settle(first, second)
  }),
  rule(
    'resume.wrong-token',
    '§4',
    'A wrong token begins anew, and harms the session it was tried on in nothing.',
    async (t) => {
      const { b, user } = await lost(t)
      await anew(t, user, { ...ticketOf(b), token: 'x'.repeat(43) }, b)
      await anew(t, user, { ...ticketOf(b), session_id: `sess_${'x'.repeat(22)}` }, b)
      await resumed(t, user, b)
    },
  ),
  rule('resume.wrong-received', '§4', 'More frames than there were: never something in between.', async (t) => {
    const { b, user } = await lost(t)
    await anew(t, user, ticketOf(b, -50), b)
  }),
  rule('resume.other-user', '§4', "Nobody resumes another user's session, token or not.", async (t) => {
    const { a, b, owner, user } = await lost(t)
    const thief = await anew(t, owner, ticketOf(b), b)
    has(thief.welcome.payload, { user_id: owner.user_id })
    await t.settle(a, thief)
    assert.deepEqual(texts(thief), [])
    // The token may count as used up by that; the session must not be the thief's.
    const { answer } = await comeBack(t, user, ticketOf(b))
    has(answer, { type: 'system.welcome' })
    has(answer.payload, { user_id: user.user_id })
  }),
  rule(
    'resume.removed',
    '§4',
    'A room one was removed from meanwhile has left nothing but its room.left.',
    async (t) => {
      const { room, a, b, owner, user } = await lost(t)
      await a.ask('chat.message.send', room, { text: 'before the removal' })
      await t.api(owner, 'DELETE', `/rooms/${room}/members/${user.user_id}`)
      await a.ask('chat.message.send', room, { text: 'after the removal' })
      const back = await resumed(t, user, b)
      has((await back.next('room.left')).payload, { room_id: room, reason: 'removed' })
      await t.settle(back)
      assert.deepEqual(
        back.frames.map(({ type }) => type),
        ['system.welcome', 'room.left', 'system.pong'],
      )
      refused(await back.ask('chat.message.send', room, { text: 'no' }), 'ACCESS_DENIED')
    },
  ),
  rule(
    'resume.removed-count',
    '§4',
    'Purged frames of that room are not counted: received goes on from its room.left.',
    async (t) => {
      const { room, a, b, owner, user } = await lost(t)
      for (let i = 0; i < 3; i++) await a.ask('chat.message.send', room, { text: `purged ${i}` })
      await t.api(owner, 'DELETE', `/rooms/${room}/members/${user.user_id}`)
      const before = ticketOf(b).received
      const back = await resumed(t, user, b)
      await back.next('room.left')
      await t.settle(back)
      back.socket.terminate()
      await back.closed
      const ticket = { ...ticketOf(back), received: before + back.frames.length - 1 }
      const again = await comeBack(t, user, ticket)
      has(again.answer.payload, { resumed: true, peer_id: b.peer_id })
      await t.settle(again.wire)
      assert.deepEqual(
        again.wire.frames.map(({ type }) => type),
        ['system.welcome', 'system.pong'],
      )
    },
  ),
  rule('resume.logged-out', '§4', 'A login that ended meanwhile resumes nothing.', async (t) => {
    const [owner] = await t.people(1)
    const user = await t.fresh()
    const room = await t.room(owner!, [[user, 'member']])
    const keeper = await t.enter(owner!, room)
    const wire = await t.enter(user, room)
    await t.settle(wire)
    wire.socket.terminate()
    await wire.closed
    await t.api(undefined, 'POST', '/auth/logout', { refresh_token: user.refresh_token })
    const back = await comeBack(t, user, ticketOf(wire))
    refused(back.answer, 'AUTH_INVALID')
    await closes(back.wire, 4100)
    // Another login of the same user is the same user, but the session belonged to the one that ended.
    const next = { ...user, ...(await t.users.login(user)) }
    await anew(t, next, ticketOf(wire), wire)
    await keeper.next('room.left')
  }),
]
