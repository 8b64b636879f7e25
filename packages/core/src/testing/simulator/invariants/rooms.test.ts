import { describe, expect, it } from 'vitest'
import type { Barred, Happening } from '../history.ts'
import {
  enter,
  frame,
  give,
  hand,
  ids,
  joined,
  judge,
  learn,
  left,
  log,
  said,
  start,
  stored,
  take,
  tell,
} from './story.ts'

describe('nothingBreaks', () => {
  it('finds exceptions and INTERNAL', () => {
    expect(tell({ kind: 'broken', node: 'n', what: 'threw' })).toEqual(['nothingBreaks'])
    expect(tell(enter(1, 'ann'), hand(1, frame('error', ids.ann, {}, { code: 'INTERNAL' })))).toEqual(['nothingBreaks'])
    expect(tell(enter(1, 'ann'), hand(1, frame('error', ids.ann, {}, { code: 'UNAVAILABLE' })))).toEqual([])
  })
})

describe('the log', () => {
  const chat = (seq: number, user_id: string) =>
    stored(seq, 'chat.message.created', { user_id, text: 't', message_id: 'm' })
  it('is gapless', () => {
    expect(judge([], log(...start, chat(3, 'usr_bob')))).toEqual([])
    expect(judge([], log(...start, chat(4, 'usr_bob')))).toEqual(['logIsSound'])
  })
  it('holds nothing of somebody who was no member', () => {
    expect(judge([], log(...start, chat(3, 'usr_cleo')))).toEqual(['logIsSound'])
    const removed = stored(3, 'room.member.removed', { user_id: 'usr_bob' })
    expect(judge([], log(...start, removed, chat(4, 'usr_bob')))).toEqual(['logIsSound'])
  })
  it('grows by one at a time, but for the count of a missed call', () => {
    const commit = (seq: number, type = 'room.updated'): Happening => ({ kind: 'commit', event: stored(seq, type, {}) })
    expect(
      tell(commit(5), commit(6), commit(7, 'call.missed'), commit(8), commit(7, 'call.missed'), commit(9)),
    ).toEqual([])
    expect(tell(commit(5), commit(7))).toEqual(['commitsAreGapless'])
  })
})

describe('chatIsKept', () => {
  const ask = frame('chat.message.send', ids.room, { text: 'text 3' }, { id: 'ask' })
  const kept = stored(3, 'chat.message.created', { user_id: 'usr_bob', text: 'text 3', message_id: 'msg_3' })
  const story = [...enter(1, 'bob'), take(1, ask), ...give(1, said(3, { reply_to: 'ask' }))]
  it('finds an acknowledged message that is not in the log, or not as it was acknowledged', () => {
    expect(judge(story, log(...start, kept))).toEqual([])
    expect(judge(story, log(...start))).toEqual(['chatIsKept'])
    const other = stored(3, 'chat.message.created', { user_id: 'usr_bob', text: 'text 3', message_id: 'msg_other' })
    expect(judge(story, log(...start, other))).toEqual(['chatIsKept'])
  })
  it('finds an id that acted twice', () => {
    const again = { ...ask, payload: { text: 'other' } }
    const second = stored(4, 'chat.message.created', { user_id: 'usr_bob', text: 'other', message_id: 'msg_4' })
    expect(judge([...story, take(1, again)], log(...start, kept, second))).toContain('chatIsKept')
  })
})

describe('chatIsInOrder', () => {
  it('finds what one connection said first and what was stored later', () => {
    const says = (text: string) => take(1, frame('chat.message.send', ids.room, { text }))
    const keeps = (seq: number, text: string) =>
      stored(seq, 'chat.message.created', { user_id: 'usr_bob', text, message_id: text })
    const story = [...enter(1, 'bob'), says('a'), says('b')]
    expect(judge(story, log(...start, keeps(3, 'a'), keeps(4, 'b')))).toEqual([])
    expect(judge(story, log(...start, keeps(3, 'b'), keeps(4, 'a')))).toEqual(['chatIsInOrder'])
  })
})

describe('membersHearAll', () => {
  const here = [...enter(1, 'ann'), ...give(1, joined(3))]
  it('finds gaps and repetitions', () => {
    expect(tell(here, give(1, said(4)), give(1, said(5)))).toEqual([])
    expect(tell(here, give(1, said(5)))).toEqual(['membersHearAll'])
    expect(tell(here, give(1, said(4)), give(1, said(4)))).toEqual(['membersHearAll'])
    expect(tell(here, give(1, said(5, { reply_to: 'a' })), give(1, said(6)))).toEqual(['membersHearAll'])
    expect(tell(here, give(1, said(4)), give(1, joined(3)))).toEqual(['membersHearAll'])
  })
  it('finds gaps across the sockets of a session', () => {
    const again = enter(2, 'ann', { token: 'token1', received: 2 })
    expect(tell(here, give(1, said(4)), again, give(2, said(5)))).toEqual([])
    expect(tell(here, give(1, said(4)), again, give(2, said(6)))).toEqual(['membersHearAll'])
  })
  it('finds who is behind, or still in, when all has come to rest', () => {
    const rest = (n: number) => ({
      ...log(...start, ...[3, 4].map((seq) => stored(seq, 'room.updated', {})).slice(0, n)),
      isSettled: true,
    })
    expect(judge(here, rest(1))).toEqual([])
    expect(judge(here, rest(2))).toEqual(['membersHearAll'])
    expect(judge([...enter(1, 'bob'), ...give(1, joined(3))], rest(1))).toEqual(['membersHearAll'])
    expect(judge(here, { isSettled: true })).toEqual(['membersHearAll'])
  })
})

describe('ex-members', () => {
  const here = [...enter(1, 'ann'), ...give(1, joined(3))]
  const removal = stored(4, 'room.member.removed', { user_id: 'usr_ann' })
  it('hear nothing after their room.left', () => {
    expect(tell(here, give(1, left(ids.ann, 'left')), give(1, said(4, { reply_to: 'a' })))).toEqual([])
    expect(tell(here, give(1, left(ids.ann, 'left')), give(1, said(4)))).toEqual(['nothingFollowsLeaving'])
    expect(tell(here, give(1, left(ids.ann, 'left')), give(1, joined(4)), give(1, said(5)))).toEqual([])
  })
  it('hear nothing once their node knows', () => {
    expect(tell(here, learn(removal), give(1, left(ids.ann, 'removed')))).toEqual([])
    expect(tell(here, learn(removal), hand(1, said(4)))).toEqual(['exMembersHearNothing'])
    const presence = frame('presence.update', ids.room)
    expect(tell(here, learn(removal), hand(1, presence))).toEqual(['exMembersHearNothing'])
  })
  it('are not those who came back while they were connected to another node', () => {
    const nodes: Happening[] = [{ kind: 'begin', node: 'n', id: 'ann' }]
    const away = enter(2, 'ann', { received: 1, token: 'token1' }).map((happening) =>
      happening.kind === 'open' ? { ...happening, node: 'm' } : happening,
    )
    const home = enter(3, 'ann', { received: 1, token: 'token2' })
    const over = [...nodes, ...here, ...away, learn(removal)]
    expect(tell(over, give(2, joined(5)), home, hand(3, said(6)))).not.toContain('exMembersHearNothing')
    expect(tell(over, home, hand(3, said(6)))).toContain('exMembersHearNothing')
  })
  it('are not those who came back before the node heard of it', () => {
    const back: Happening = { kind: 'member', node: 'n', room_id: ids.room, user_id: 'usr_ann', member_seq: 5 }
    expect(tell(here, back, learn(removal), give(1, said(4)))).toEqual([])
    const readAgain = learn(stored(3, 'room.member.updated', { user_id: 'usr_ann' }))
    expect(tell(here, back, readAgain, learn(removal), give(1, said(4)))).toEqual([])
  })
  it('who are barred hear nothing and do not come back', () => {
    const bar: Happening = { kind: 'bar', node: 'n', which: { user_id: 'usr_ann' } }
    const other: Happening = { kind: 'bar', node: 'n', which: { sid: 'login_bob' } }
    expect(tell(here, other, give(1, said(4)))).toEqual([])
    expect(tell(here, bar, give(1, said(4)))).toEqual(['barredHearNothing'])
    expect(tell(here, bar, enter(2, 'ann', { token: 'token1', received: 1 }))).toEqual(['barredHearNothing'])
    expect(tell(here, bar, enter(2, 'ann'))).toEqual([])
  })
  it('are told so only when their user or login has ended', () => {
    const close: Happening = { kind: 'close', conn: 1, code: 4101 }
    const ended = (which: Barred): Happening => ({ kind: 'revoke', which })
    expect(tell(here, close)).toEqual(['nobodyIsBarredForNothing'])
    expect(tell(here, ended({ sid: 'login_bob' }), close)).toEqual(['nobodyIsBarredForNothing'])
    expect(tell(here, close, ended({ sid: 'login_ann' }))).toEqual(['nobodyIsBarredForNothing'])
    expect(tell(here, ended({ sid: 'login_ann' }), close)).toEqual([])
    expect(tell(here, ended({ user_id: 'usr_ann' }), close)).toEqual([])
    expect(tell(here, { kind: 'close', conn: 1, code: 4005 })).toEqual([])
  })
})
