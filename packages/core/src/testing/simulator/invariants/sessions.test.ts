import { describe, expect, it } from 'vitest'
import type { Happening, Wire } from '../history.ts'
import { enter, frame, give, hand, ids, judge, take, tell } from './story.ts'

describe('requestsAreAnswered', () => {
  const ask = frame('room.leave', ids.room, {}, { id: 'ask' })
  const answer = frame('room.left', ids.ann, {}, { reply_to: 'ask' })
  const later: Happening[] = [1, 2, 3, 4, 5].map(() => ({ kind: 'fault', fault: 'pause' }))
  it('finds a request that was never answered, or more than once', () => {
    const asked = [...enter(1, 'ann'), take(1, ask)]
    expect(judge([asked, give(1, answer), later], { isSettled: true })).toEqual([])
    expect(judge([asked, later], { isSettled: true })).toEqual(['requestsAreAnswered'])
    expect(judge([asked, { kind: 'gone', conn: 1 }, later], { isSettled: true })).toEqual([])
    const twice = { ...answer, id: 'again' }
    expect(judge([asked, give(1, answer), give(1, twice)])).toEqual(['requestsAreAnswered'])
  })
  it('lets those wait at the end that are behind one which was answered only now', () => {
    const asked = [...enter(1, 'ann'), take(1, ask), take(1, { ...ask, id: 'behind' })]
    const behind = { ...answer, reply_to: 'behind' }
    expect(judge([asked, later, give(1, answer)], { isSettled: true })).toEqual([])
    expect(judge([asked, give(1, answer), later], { isSettled: true })).toEqual(['requestsAreAnswered'])
    expect(judge([asked, later, give(1, behind)], { isSettled: true })).toEqual(['requestsAreAnswered'])
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
  it('may get presence that only its next socket was given', () => {
    const third = enter(3, 'ann', { received: 1, token: 'token2' })
    expect(tell(before, again(), third, give(3, two as Wire), give(3, away), give(3, three as Wire))).toEqual([])
    const other = frame('presence.update', ids.room)
    expect(tell(before, again(), third, give(3, two as Wire), give(3, other))).toEqual(['resumedMissNothing'])
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
    const elsewhere = again().map((happening) =>
      happening.kind === 'open' ? { ...happening, device_id: 'dev_other' } : happening,
    )
    expect(tell(before, elsewhere)).toEqual(['resumesAreEarned'])
    expect(tell(before, again(), enter(3, 'ann', { received: 1, token: 'token1' }))).toEqual(['resumesAreEarned'])
  })
  it('is given back for whichever of two welcomes to one hello was the later, though it was handed over first', () => {
    const hello = (conn: number) =>
      enter(conn, 'ann', { received: 1, token: 'token1' }).map((happening) =>
        happening.kind === 'take' ? { ...happening, frame: { ...happening.frame, id: 'hello' } } : happening,
      )
    const back = (token: string) => enter(4, 'ann', { received: 1, token })
    expect(tell(before, hello(3), hello(2), back('token3'))).toEqual([])
    expect(tell(before, hello(3), hello(2), back('token2'))).toEqual([])
    expect(tell(before, hello(3), hello(2), back('token1'))).toEqual(['resumesAreEarned'])
  })
  it('goes on with what its latest socket was given, though another node brings the welcome of an older one later', () => {
    const hello = (conn: number) =>
      enter(conn, 'ann', { received: 1, token: 'token1' }).map((happening) =>
        happening.kind === 'take' ? { ...happening, frame: { ...happening.frame, id: 'hello' } } : happening,
      )
    const pong = frame('system.pong', ids.ann)
    const given = [...give(3, two as Wire), ...give(3, three as Wire), ...give(3, pong)]
    const next = enter(4, 'ann', { received: 4, token: 'token3' })
    expect(tell(before, hello(3), given, hello(2), next, give(4, frame('system.pong', ids.ann)))).toEqual([])
    const greedy = enter(4, 'ann', { received: 5, token: 'token3' })
    expect(tell(before, hello(3), given, hello(2), greedy)).toEqual(['resumesAreEarned'])
  })
})
