import { base64url } from 'jose'
import { describe, expect, it } from 'vitest'
import type { RoomEvent } from '../../../ports/index.ts'
import type { Happening, Wire } from '../history.ts'
import { clock, enter, frame, give, hand, ids, judge, learn, log, start, stored, take, tell } from './story.ts'

describe('usesAreCovered', () => {
  const claims = { room_id: ids.room, caps: ['call'], mv: 3, exp: 100 }
  const write = (change: object) => `head.${base64url.encode(JSON.stringify({ ...claims, ...change }))}.signature`
  const offerOf = (to: string, cap_token: string) =>
    frame('rtc.offer', to, { rtc_id: ids.call, room_id: ids.room, purpose: 'call', cap_token })
  const granted = (token: string) => frame('capability.granted', ids.ann, { token }, { reply_to: 'cap' })

  interface Circumstances {
    now?: number
    from?: string
    before?: Happening[]
    between?: Happening[]
    meanwhile?: Happening[]
    isGranted?: boolean
  }

  function offer(change: object, of: Circumstances = {}) {
    const { now = 0, from = ids.ann, before = [], between = [], meanwhile = [], isGranted = true } = of
    const cap_token = write(change)
    const sent = offerOf(ids.bob, cap_token)
    const grant = isGranted ? give(1, granted(cap_token)) : []
    // A second passes with everything that happens.
    const use = [clock(now - 1_000), take(1, sent), meanwhile, give(2, { ...sent, from })]
    return tell(before, enter(1, 'ann'), enter(2, 'bob'), grant, between, use.flat())
  }

  it('finds what is wrong with the token of an offer that was passed on', () => {
    expect(offer({})).toEqual([])
    expect(offer({}, { isGranted: false })).toEqual(['usesAreCovered'])
    expect(offer({ room_id: 'room_b' })).toEqual(['usesAreCovered'])
    expect(offer({ caps: ['screen'] })).toEqual(['usesAreCovered'])
    expect(offer({ target_peer_id: ids.cleo })).toEqual(['usesAreCovered'])
    expect(offer({}, { now: 104_999 })).toEqual([])
    expect(offer({}, { now: 105_000 })).toEqual(['usesAreCovered'])
  })
  it('asks the clock of the node that the session lives on, and not of the one its socket is at', () => {
    const before: Happening[] = [{ kind: 'begin', node: 'm', id: 'ann' }]
    const between = (now: number) => [clock(now, 'm')]
    expect(offer({}, { before, between: between(0), now: 200_000 })).toEqual([])
    expect(offer({}, { before, between: between(200_000) })).toEqual(['usesAreCovered'])
  })
  it('asks the clock of the node that a call lives on, which may be that of the other end', () => {
    const cap_token = write({ sub: ids.bob })
    const sent = offerOf(ids.ann, cap_token)
    const before: Happening[] = [{ kind: 'begin', node: 'm', id: 'bob' }, clock(0, 'm')]
    const between = [...give(2, granted(cap_token)), take(2, sent), ...give(1, { ...sent, from: ids.bob })]
    expect(offer({}, { before, between, now: 200_000 })).toEqual([])
    expect(offer({}, { before, now: 200_000 })).toEqual(['usesAreCovered'])
  })
  it('asks the clock of the node that a session between agents lives on', () => {
    const cap_token = write({ caps: ['share:file'] })
    const renew = frame('p2p.session.renew', 'server', { session_id: 'p2p_a', cap_token })
    const told = (type: string, extra: Partial<Wire>) =>
      give(1, frame(`p2p.session.${type}`, ids.ann, { session_id: 'p2p_a' }, extra))
    const here: Happening[] = [...enter(1, 'ann'), ...give(1, granted(cap_token)), clock(200_000)]
    const there: Happening[] = [{ kind: 'begin', node: 'm', id: 'bob' }, clock(0, 'm'), ...enter(2, 'bob')]
    const renewed = [take(1, renew), ...told('renewed', { reply_to: renew.id })]
    const askedBy = (from: string) => tell(there, here, told('request', { from }), renewed)
    expect(askedBy(ids.bob)).not.toContain('usesAreCovered')
    expect(askedBy(ids.ann)).toContain('usesAreCovered')
  })
  it('lets a clock that is set back meanwhile make a token good again, even if it is set forward at once', () => {
    const now = 200_000
    expect(offer({}, { now, meanwhile: [clock(0)] })).toEqual([])
    expect(offer({}, { now, meanwhile: [clock(0), clock(now)] })).toEqual([])
    expect(offer({}, { now, between: [clock(0)] })).toEqual(['usesAreCovered'])
  })
  it('finds a token that is older than what the node knows', () => {
    const demoted = (user_id: string, seq: number) => [learn(stored(seq, 'room.member.updated', { user_id }))]
    expect(offer({}, { between: demoted('usr_ann', 4) })).toEqual(['usesAreCovered'])
    expect(offer({}, { between: demoted('usr_ann', 3) })).toEqual([])
    expect(offer({}, { between: demoted('usr_bob', 4) })).toEqual([])
    expect(offer({}, { between: [learn(stored(4, 'room.updated', { policy: {} }))] })).toEqual(['usesAreCovered'])
    expect(offer({}, { between: [learn(stored(4, 'room.updated', { name: '' }))] })).toEqual([])
  })
  it('lets a token be older than a change that the node of the other end had not heard of', () => {
    const cap_token = write({ sub: ids.bob })
    const sent = offerOf(ids.ann, cap_token)
    const before: Happening[] = [{ kind: 'begin', node: 'm', id: 'bob' }, clock(0, 'm')]
    const asked = [...give(2, granted(cap_token)), take(2, sent), ...give(1, { ...sent, from: ids.bob })]
    const change = stored(4, 'room.updated', { policy: {} })
    const [here, there] = [learn(change), { ...learn(change), node: 'm' }]
    expect(offer({}, { before, between: [...asked, here] })).toEqual([])
    expect(offer({}, { before, between: [...asked, there] })).toEqual([])
    expect(offer({}, { before, between: [...asked, here, there] })).toEqual(['usesAreCovered'])
  })
  it('finds a sender that is not the one it says', () => {
    expect(offer({}, { from: ids.cleo })).toContain('usesAreCovered')
  })
})

describe('signalsStayInside', () => {
  const everybody = [clock(0), ...enter(1, 'ann'), ...enter(2, 'bob'), ...enter(3, 'cleo')]
  const cap_token = `head.${base64url.encode(JSON.stringify({ room_id: ids.room, caps: ['call'], mv: 1, exp: 100 }))}.s`
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
  it('lets who is called hang up before its socket was given the offer', () => {
    const called = [...everybody, ...granted, take(1, { ...offer, to: ids.bob })]
    expect(tell(called, give(1, signal('rtc.bye', ids.bob)))).toEqual([])
    expect(tell(called, give(1, signal('rtc.bye', ids.cleo)))).toEqual(['signalsStayInside'])
    const end = give(1, signal('rtc.bye', 'server'))
    const again = { ...offer, id: 'again', to: ids.bob }
    const ended = [...open, ...end]
    expect(tell(ended, take(1, again), give(1, signal('rtc.bye', 'server')))).toEqual([])
    expect(tell(ended, give(1, signal('rtc.bye', 'server')))).toEqual(['signalsStayInside'])
    const user = [...everybody, ...granted, take(1, { ...offer, to: 'usr_bob' })]
    expect(tell(user, give(1, signal('rtc.bye', ids.bob)))).toEqual([])
    expect(tell(called, give(1, answer))).toEqual(['signalsStayInside'])
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
    const back = [...enter(4, 'ann', { token: 'token1', received: 2 }), take(4, b), take(4, c)]
    expect(tell(open, take(1, a), take(1, b), back, give(2, a), give(2, b), give(2, c))).toEqual([])
  })
  it('asks for no refusal of a candidate where its sender is gone for good by then', () => {
    const [a, b, c] = [candidate(1), candidate(2), candidate(3)]
    const sent = [...open, take(1, a), take(1, b), take(1, c), ...give(2, a)]
    const gone: Happening = { kind: 'gone', conn: 1 }
    const back = enter(4, 'ann', { token: 'token1', received: 2 })
    expect(tell(sent, gone, give(2, c))).toEqual([])
    expect(tell(sent, give(2, c), gone)).toEqual(['candidatesAreInOrder'])
    expect(tell(sent, gone, give(2, c), back)).toEqual(['candidatesAreInOrder'])
    const refusal = frame('error', ids.ann, {}, { code: 'UNAVAILABLE', reply_to: b.id })
    expect(tell(sent, gone, give(2, c), back, give(4, refusal))).toEqual([])
  })
})

describe('control of a terminal', () => {
  const terminal_id = 'term_a'
  const grant = (seq: number, fence: number, peer_id: string, at = 0) => ({
    ...stored(seq, 'terminal.control.granted', {
      terminal_id,
      fence,
      peer_id,
      expires_at: new Date(15_000).toISOString(),
    }),
    at,
  })
  const commit = (event: RoomEvent): Happening => ({ kind: 'commit', event })
  const released = (seq: number, fence: number) => stored(seq, 'terminal.control.released', { terminal_id, fence })
  const told = ({ payload, seq }: RoomEvent, extra: Partial<Wire> = {}) =>
    frame('terminal.control.granted', ids.room, { ...payload, seq }, extra)

  it('has a fence of its own for every grant, which rises', () => {
    expect(tell(commit(grant(3, 1, ids.ann)), commit(grant(4, 2, ids.ann)))).toEqual([])
    expect(tell(commit(grant(3, 1, ids.ann)), commit(grant(4, 1, ids.ann)))).toEqual(['fencesRise'])
    const both = [...enter(1, 'cleo'), hand(1, told(grant(3, 1, ids.ann))), hand(1, told(grant(4, 1, ids.bob)))]
    expect(tell(both)).toEqual(['fencesRise'])
  })
  it('is not taken from who has it', () => {
    const take2 = frame('terminal.control.take', 'server', { terminal_id }, { id: 'take' })
    const forced = { ...take2, payload: { terminal_id, force: true } }
    const story = (second: RoomEvent, request: Wire, ...between: Happening[]) =>
      tell(
        enter(1, 'bob'),
        commit(grant(3, 1, ids.ann)),
        between,
        take(1, request),
        commit(second),
        hand(1, told(second, { reply_to: 'take' })),
      )
    const without = (found: string[]) => found.filter((invariant) => invariant !== 'usesAreCovered')
    expect(without(story(grant(4, 2, ids.bob), take2))).toEqual(['heldIsNotGranted'])
    expect(without(story(grant(4, 2, ids.bob, 15_000), take2))).toEqual([])
    expect(without(story(grant(4, 2, ids.bob), forced))).toEqual([])
    expect(without(story(grant(5, 2, ids.bob), take2, commit(released(4, 1))))).toEqual([])
  })
  it('is for members', () => {
    const events = [...start, grant(3, 1, ids.cleo)]
    expect(judge(enter(1, 'cleo'), log(...events))).toEqual(['onlyMembersControl'])
    expect(judge(enter(1, 'bob'), log(...start, grant(3, 1, ids.bob)))).toEqual([])
  })
  it('does not go on after its end', () => {
    const renewed = frame('terminal.control.granted', ids.ann, { terminal_id, fence: 1, peer_id: ids.ann })
    const release = frame('terminal.control.released', ids.room, { terminal_id, fence: 1, seq: 4 })
    expect(tell(enter(1, 'ann'), give(1, renewed), give(1, release))).toEqual([])
    expect(tell(enter(1, 'ann'), give(1, release), give(1, renewed))).toEqual(['endedIsNotRenewed'])
    expect(tell(enter(1, 'ann'), give(1, told(grant(4, 2, ids.bob))), give(1, renewed))).toEqual(['endedIsNotRenewed'])
  })
})

describe('transfersStayInside', () => {
  const about = (type: string, extra: Partial<Wire> = {}) =>
    frame(`p2p.session.${type}`, '', { session_id: 'p2p_a' }, extra)
  const everybody = [...enter(1, 'ann'), ...enter(2, 'bob'), ...enter(3, 'cleo')]
  const asked = [...everybody, ...give(2, about('request'))]
  const accepted = [...asked, take(2, about('accept')), ...give(2, about('created')), ...give(1, about('created'))]
  it('finds who hears of it and has no part in it, before it was accepted, or after its end', () => {
    expect(tell(accepted, give(1, about('renewed')), give(1, about('closed')))).toEqual([])
    expect(tell(accepted, give(3, about('closed')))).toEqual(['transfersStayInside'])
    expect(tell(asked, give(2, about('created')))).toEqual(['transfersStayInside'])
    expect(tell(asked, take(1, about('accept')), give(1, about('created')))).toEqual(['transfersStayInside'])
    expect(tell(accepted, give(1, about('closed')), give(1, about('renewed')))).toEqual(['transfersStayInside'])
  })
})
