import { base64url } from 'jose'
import { describe, expect, it } from 'vitest'
import type { RoomEvent } from '../../../ports/index.ts'
import type { Happening, History, Wire } from '../history.ts'
import { violationsOf } from './index.ts'

const ids = { ann: 'peer_ann', bob: 'peer_bob', cleo: 'peer_cleo', room: 'room_a', call: 'rtc_a' }
let made = 0

function frame(type: string, to: string, payload: object = {}, extra: Partial<Wire> = {}): Wire {
  return { type, id: `id${made++}`, timestamp: '', from: 'server', to, payload: payload as Wire['payload'], ...extra }
}

/** A history of these happenings, each in a step of its own. */
function tell(...happenings: (Happening | Happening[])[]): string[] {
  return judge(happenings)
}

function judge(happenings: (Happening | Happening[])[], rest: Partial<History> = {}): string[] {
  const entries = happenings.flat().map((happening, step) => ({ at: step * 1_000, step, ...happening }))
  return violationsOf({ entries, rooms: new Map(), isSettled: false, ...rest }).map(({ invariant }) => invariant)
}

/** A connection of somebody on node `n`, with its welcome. */
function enter(conn: number, name: 'ann' | 'bob' | 'cleo', resume?: { token: string; received: number }): Happening[] {
  const session_id = `sess_${name}`
  const hello = frame('system.hello', 'server', resume ? { resume: { session_id, ...resume } } : {})
  const payload = { session_id, peer_id: ids[name], resumed: resume !== undefined, resume: { token: `token${conn}` } }
  return [
    { kind: 'open', conn, node: 'n', client: name, user_id: `usr_${name}`, sid: `login_${name}` },
    { kind: 'take', conn, frame: hello, now: 0 },
    { kind: 'hand', conn, frame: frame('system.welcome', ids[name], payload) },
  ]
}

const take = (conn: number, taken: Wire, now = 0): Happening => ({ kind: 'take', conn, frame: taken, now })
const hand = (conn: number, handed: Wire): Happening => ({ kind: 'hand', conn, frame: handed })
const give = (conn: number, given: Wire): Happening[] => [hand(conn, given), { kind: 'receive', conn, frame: given }]

const joined = (seq: number) => frame('room.joined', ids.ann, { room_id: ids.room, seq }, { reply_to: 'join' })
const left = (peer_id: string, reason: string) =>
  frame('room.left', peer_id, { room_id: ids.room, peer_id, reason }, reason === 'left' ? { reply_to: 'leave' } : {})
const said = (seq: number, extra: Partial<Wire> = {}) =>
  frame('chat.message.created', ids.room, { seq, text: `text ${seq}`, message_id: `msg_${seq}` }, extra)

function stored(seq: number, type: string, payload: object): RoomEvent {
  return { room_id: ids.room, seq, id: '', type, from: '', at: 0, payload: payload as RoomEvent['payload'] }
}
const learn = (event: RoomEvent): Happening => ({ kind: 'learn', node: 'n', event })
const log = (...events: RoomEvent[]) => ({ rooms: new Map([[ids.room, { events, members: new Set(['usr_ann']) }]]) })
const start = [
  stored(1, 'room.created', { user_id: 'usr_ann' }),
  stored(2, 'room.member.added', { user_id: 'usr_bob' }),
]

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
  it('are not those who came back before the node heard of it', () => {
    const back: Happening = { kind: 'member', node: 'n', room_id: ids.room, user_id: 'usr_ann', member_seq: 5 }
    expect(tell(here, back, learn(removal), give(1, said(4)))).toEqual([])
  })
  it('who are barred hear nothing and do not come back', () => {
    const bar: Happening = { kind: 'bar', node: 'n', which: { user_id: 'usr_ann' } }
    const other: Happening = { kind: 'bar', node: 'n', which: { sid: 'login_bob' } }
    expect(tell(here, other, give(1, said(4)))).toEqual([])
    expect(tell(here, bar, give(1, said(4)))).toEqual(['barredHearNothing'])
    expect(tell(here, bar, enter(2, 'ann', { token: 'token1', received: 1 }))).toEqual(['barredHearNothing'])
    expect(tell(here, bar, enter(2, 'ann'))).toEqual([])
  })
})

describe('requestsAreAnswered', () => {
  const ask = frame('room.leave', ids.room, {}, { id: 'ask' })
  const answer = frame('room.left', ids.ann, {}, { reply_to: 'ask' })
  const later: Happening[] = [1, 2].map(() => ({ kind: 'fault', fault: 'pause' }))
  it('finds a request that was never answered, or more than once', () => {
    const asked = [...enter(1, 'ann'), take(1, ask)]
    expect(judge([asked, give(1, answer), later], { isSettled: true })).toEqual([])
    expect(judge([asked, later], { isSettled: true })).toEqual(['requestsAreAnswered'])
    expect(judge([asked, { kind: 'gone', conn: 1 }, later], { isSettled: true })).toEqual([])
    const twice = { ...answer, id: 'again' }
    expect(judge([asked, give(1, answer), give(1, twice)])).toEqual(['requestsAreAnswered'])
  })
})

describe('offersAreCovered', () => {
  const claims = { room_id: ids.room, caps: ['call'], mv: 3, exp: 100 }
  const write = (change: object) => `head.${base64url.encode(JSON.stringify({ ...claims, ...change }))}.signature`
  const granted = (token: string) => frame('capability.granted', ids.ann, { token }, { reply_to: 'cap' })

  function offer(change: object, { now = 0, from = ids.ann, between = [] as Happening[], isGranted = true } = {}) {
    const cap_token = write(change)
    const sent = frame('rtc.offer', ids.bob, { rtc_id: ids.call, room_id: ids.room, purpose: 'call', cap_token })
    const grant = isGranted ? give(1, granted(cap_token)) : []
    return tell(enter(1, 'ann'), enter(2, 'bob'), grant, between, take(1, sent, now), give(2, { ...sent, from }))
  }

  it('finds what is wrong with the token of an offer that was passed on', () => {
    expect(offer({})).toEqual([])
    expect(offer({}, { isGranted: false })).toEqual(['offersAreCovered'])
    expect(offer({ room_id: 'room_b' })).toEqual(['offersAreCovered'])
    expect(offer({ caps: ['screen'] })).toEqual(['offersAreCovered'])
    expect(offer({ target_peer_id: ids.cleo })).toEqual(['offersAreCovered'])
    expect(offer({}, { now: 104_999 })).toEqual([])
    expect(offer({}, { now: 105_000 })).toEqual(['offersAreCovered'])
  })
  it('finds a token that is older than what the node knows', () => {
    const demoted = (user_id: string, seq: number) => [learn(stored(seq, 'room.member.updated', { user_id }))]
    expect(offer({}, { between: demoted('usr_ann', 4) })).toEqual(['offersAreCovered'])
    expect(offer({}, { between: demoted('usr_ann', 3) })).toEqual([])
    expect(offer({}, { between: demoted('usr_bob', 4) })).toEqual([])
    expect(offer({}, { between: [learn(stored(4, 'room.updated', { policy: {} }))] })).toEqual(['offersAreCovered'])
    expect(offer({}, { between: [learn(stored(4, 'room.updated', { name: '' }))] })).toEqual([])
  })
  it('finds a sender that is not the one it says', () => {
    expect(offer({}, { from: ids.cleo })).toContain('offersAreCovered')
  })
})

describe('signalsStayInside', () => {
  const everybody = [...enter(1, 'ann'), ...enter(2, 'bob'), ...enter(3, 'cleo')]
  const cap_token = `head.${base64url.encode(JSON.stringify({ room_id: ids.room, caps: ['call'], mv: 1, exp: 1 }))}.s`
  const granted = give(1, frame('capability.granted', ids.ann, { token: cap_token }))
  const signal = (type: string, from: string, more: object = {}) =>
    frame(type, '', { rtc_id: ids.call, ...more }, { from })
  const offer = signal('rtc.offer', ids.ann, { room_id: ids.room, purpose: 'call', cap_token })
  const ringing = [...everybody, ...granted, take(1, offer), ...give(2, offer)]
  const answer = signal('rtc.answer', ids.bob)
  const open = [...ringing, take(2, answer), ...give(1, answer)]

  it('finds signals of strangers, to strangers, before the answer and after the end', () => {
    const ice = signal('rtc.ice', ids.bob, { candidate: null })
    expect(tell(open, give(1, ice), give(1, signal('rtc.bye', ids.bob)))).toEqual([])
    expect(tell(ringing, give(1, ice))).toEqual(['signalsStayInside'])
    expect(tell(open, give(1, signal('rtc.bye', ids.cleo)))).toEqual(['signalsStayInside'])
    expect(tell(open, give(3, ice))).toEqual(['signalsStayInside'])
    expect(tell(open, give(1, signal('rtc.bye', ids.bob)), give(1, ice))).toEqual(['signalsStayInside'])
    expect(tell(open, give(1, signal('rtc.answer', 'server')))).toEqual(['signalsStayInside'])
  })
  it('finds a fork that goes on after another answered', () => {
    const forked = [...everybody, ...granted, take(1, offer), ...give(2, offer), ...give(3, offer)]
    const second = signal('rtc.answer', ids.cleo)
    expect(tell(forked, take(2, answer), give(1, answer), take(3, second), give(1, second))).toEqual([
      'signalsStayInside',
    ])
  })

  const candidate = (n: number) => signal('rtc.ice', ids.ann, { candidate: { candidate: `candidate:${n}` } })
  it('finds candidates out of order, lost, or come twice', () => {
    const [a, b, c] = [candidate(1), candidate(2), candidate(3)]
    const sent = [...open, take(1, a), take(1, b), take(1, c)]
    expect(tell(sent, give(2, a), give(2, b), give(2, c))).toEqual([])
    expect(tell(sent, give(2, a))).toEqual([])
    expect(tell(sent, give(2, a), give(2, c))).toEqual(['candidatesAreInOrder'])
    expect(tell(sent, give(2, b), give(2, a))).toContain('candidatesAreInOrder')
    expect(tell(sent, give(2, a), give(2, a))).toContain('candidatesAreInOrder')
  })
})

describe('a resumed session', () => {
  const away = frame('presence.update', ids.room)
  const [one, two, three] = ['system.token.expiring', 'system.draining', 'system.ping'].map((type) =>
    frame(type, ids.ann),
  )
  const before = [
    ...enter(1, 'ann'),
    ...give(1, one as Wire),
    hand(1, two as Wire),
    hand(1, away),
    hand(1, three as Wire),
  ]
  const again = (received = 1, token = 'token1') => enter(2, 'ann', { received, token })

  it('gets what it missed first, in order', () => {
    expect(tell(before, again(), give(2, two as Wire), give(2, three as Wire))).toEqual([])
    expect(tell(before, again(), give(2, two as Wire))).toEqual([])
    expect(tell(before, again(), give(2, two as Wire), give(2, frame('system.pong', ids.ann)))).toEqual([
      'resumedMissNothing',
    ])
    expect(tell(before, again(), give(2, frame('system.pong', ids.ann)))).toEqual(['resumedMissNothing'])
  })
  it('goes on missing what its next socket did not live to get', () => {
    const third = enter(3, 'ann', { received: 2, token: 'token2' })
    expect(tell(before, again(), give(2, two as Wire), third, give(3, three as Wire))).toEqual([])
    expect(tell(before, again(), give(2, two as Wire), third, give(3, frame('system.pong', ids.ann)))).toEqual([
      'resumedMissNothing',
    ])
  })
  it('gets nothing twice', () => {
    expect(tell(before, again(), give(2, one as Wire))).toContain('nothingComesTwice')
  })
  it('is given back for its latest token, to its user, who cannot have more than was sent', () => {
    expect(tell(before, again(1, 'token0'))).toEqual(['resumesAreEarned'])
    expect(tell(before, again(5))).toEqual(['resumesAreEarned'])
    const thief = enter(2, 'ann', { received: 1, token: 'token1' }).map((happening) =>
      happening.kind === 'open' ? { ...happening, user_id: 'usr_bob' } : happening,
    )
    expect(tell(before, thief)).toEqual(['resumesAreEarned'])
    expect(tell(before, again(), enter(3, 'ann', { received: 1, token: 'token1' }))).toEqual(['resumesAreEarned'])
  })
})
