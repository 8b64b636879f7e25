import { describe, expect, it } from 'vitest'
import { createClientAddress, isNetwork } from './client-address.ts'

describe('the address of a client', () => {
  const addressOf = createClientAddress(['127.0.0.1', '10.0.0.0/8', 'fd00::/8'])

  it.each([
    ['of a socket that is no proxy', '203.0.113.7', undefined, '203.0.113.7'],
    ['whatever such a client writes', '203.0.113.7', '198.51.100.1', '203.0.113.7'],
    ['as the proxy saw it', '127.0.0.1', '203.0.113.7', '203.0.113.7'],
    ['as the last of two proxies saw it', '10.1.2.3', '203.0.113.7, 10.9.9.9', '203.0.113.7'],
    ['and not what stands left of it', '127.0.0.1', '198.51.100.1, 203.0.113.7', '203.0.113.7'],
    ['over IPv6', 'fd00::1', '2001:db8::1', '2001:db8::1'],
    ['in the clothes of IPv6', '::ffff:127.0.0.1', '::ffff:203.0.113.7', '203.0.113.7'],
    ['with a port, as some proxies have it', '127.0.0.1', '203.0.113.7:1234', '203.0.113.7'],
    ['with brackets and a port', '127.0.0.1', '[2001:db8::1]:1234', '2001:db8::1'],
    ['of the proxy, where it says nothing', '127.0.0.1', null, '127.0.0.1'],
    ['of the proxy, where nobody can read it', '127.0.0.1', 'unknown', '127.0.0.1'],
    ['of the proxy before the unreadable', '127.0.0.1', '203.0.113.7, nonsense, 10.0.0.1', '10.0.0.1'],
    ['of the first proxy, where there are only proxies', '127.0.0.1', '10.0.0.2, 10.0.0.1', '10.0.0.2'],
    ['which a local socket does not have', undefined, '203.0.113.7', undefined],
  ])('%s', (_name, socket, forwarded, address) => {
    expect(addressOf(socket, forwarded)).toBe(address)
  })

  it('is that of the socket where no proxy is trusted', () => {
    expect(createClientAddress([])('127.0.0.1', '203.0.113.7')).toBe('127.0.0.1')
  })
})

it.each(['10.0.0.1', '10.0.0.0/8', '0.0.0.0/0', '::1', 'fd00::/8'])('%s is an address or a network', (text) => {
  expect(isNetwork(text)).toBe(true)
})

it.each(['', 'localhost', '10.0.0', '10.0.0.0/33', '10.0.0.0/', 'fd00::/129', 'fe80::1%eth0', '10.0.0.0/8/8', '*'])(
  '%j is neither',
  (text) => {
    expect(isNetwork(text)).toBe(false)
    expect(() => createClientAddress([text])).toThrow(TypeError)
  },
)
