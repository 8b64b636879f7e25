import { describe, expect, it } from 'vitest'
import { createTurn, isIceUrl } from './turn.ts'

describe('the URL of a STUN or TURN server', () => {
  it.each([
    'stun:stun.example.org',
    'stuns:stun.example.org:5349',
    'STUN:192.0.2.1:3478',
    'turn:turn.example.org',
    'turn:[2001:db8::1]:3478?transport=udp',
    'turns:turn.example.org:443?transport=tcp',
    'turn:localhost:1',
  ])('is %s', (url) => {
    expect(isIceUrl(url)).toBe(true)
  })

  it.each([
    '',
    'turn:',
    'turn:host:',
    'turn:host:0',
    'turn:host:65536',
    'turn://host',
    'http://host',
    'turn:user@host',
    'turn:host?transport=sctp',
    'turn:host?transport=udp&x=1',
    'stun:host?transport=udp',
    'turn:host/path',
    'turn:host#x',
    'turn:[::1',
    'turn:[192.0.2.1]:3478',
    'turn:2001:db8::1',
    'turn:ho st',
    'turn:host ',
    'xturn:host',
    'turn:-host',
  ])('is not %s', (url) => {
    expect(isIceUrl(url)).toBe(false)
  })
})

describe('TURN servers', () => {
  it.each([
    [{ urls: ['https://example.org'], secret: 's' }, 'turn.urls'],
    [{ urls: ['turn:example.org'] }, 'turn.secret'],
    [{ urls: ['turn:example.org'], secret: '' }, 'turn.secret'],
    [{ urls: ['turn:example.org'], secret: 's', ttlS: 179 }, 'turn.ttlS'],
    [{ urls: ['turn:example.org'], secret: 's', ttlS: 600.5 }, 'turn.ttlS'],
    [{ urls: ['turn:example.org'], secret: 's', ttlS: 86_401 }, 'turn.ttlS'],
  ])('%j are refused', (options, named) => {
    expect(() => createTurn(options)).toThrow(named)
  })

  it('may be STUN servers alone, without a secret', () => {
    expect(createTurn({ urls: ['stun:example.org'] })).toMatchObject({ stunUrls: ['stun:example.org'], turnUrls: [] })
  })

  it('know their users by the secret alone', () => {
    const nameOf = (secret: string, user_id: string, exp = 1_000) =>
      createTurn({ urls: [], secret }).credentials(user_id, exp).username.split(':')[1]
    expect(nameOf('one', 'usr_a')).toBe(nameOf('one', 'usr_a', 2_000))
    expect(nameOf('one', 'usr_a')).not.toBe(nameOf('one', 'usr_b'))
    expect(nameOf('one', 'usr_a')).not.toBe(nameOf('two', 'usr_a'))
  })
})
