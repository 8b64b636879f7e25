import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { isCanonicalHost, refusalOf, type Candidate } from './index.ts'

const at = (host: string, extra: Partial<Candidate> = {}): Candidate => ({ host, port: 4433, type: 'host', ...extra })

describe('a canonical host', () => {
  it.each([
    '192.0.2.1',
    '0.0.0.0',
    '255.255.255.255',
    '10.0.0.10',
    '::',
    '::1',
    '1::',
    '2001:db8::1',
    '2001:db8:0:1:1:1:1:1',
    '2001:0:0:1::1',
    '2001:db8::1:0:0:1',
    'fe80::1',
    '1:2:3:4:5:6:7:8',
    '0:1:1:1:1:1:1:1',
  ])('is %s', (host) => {
    expect(isCanonicalHost(host)).toBe(true)
  })

  it.each([
    ['a name', 'example.com'],
    ['nothing', ''],
    ['a leading zero', '192.0.02.1'],
    ['octal', '0177.0.0.1'],
    ['hexadecimal', '0x7f.0.0.1'],
    ['one decimal', '2130706433'],
    ['three parts', '127.0.1'],
    ['five parts', '1.2.3.4.5'],
    ['256', '1.2.3.256'],
    ['white space', ' 1.2.3.4'],
    ['a dot behind', '1.2.3.4.'],
    ['a line behind', '1.2.3.4\n'],
    ['other digits', '١.2.3.4'],
    ['brackets', '[::1]'],
    ['capitals', '2001:DB8::1'],
    ['leading zeros', '2001:0db8::1'],
    ['zeros that should be ::', '2001:db8:0:0:1:1:1:1'],
    ['no :: where it should be', '0:0:0:0:0:0:0:1'],
    [':: for one group', '2001:db8::1:1:1:1:1'],
    ['the second of two equal runs', '2001:0:0:1:1::1'],
    ['the shorter run', '2001::1:0:0:0:1'],
    ['two ::', '1::1::1'],
    [':: for nothing', '1:2:3:4::5:6:7:8'],
    ['seven groups', '1:2:3:4:5:6:7'],
    ['nine groups', '1:2:3:4:5:6:7:8:9'],
    ['five digits', '12345::'],
    ['a colon behind', '1::1:'],
    ['a colon before', ':1::1'],
    ['three colons', '1:::1'],
    ['a zone', 'fe80::1%eth0'],
    ['IPv4 within IPv6', '::ffff:127.0.0.1'],
    ['IPv4-mapped', '::ffff:7f00:1'],
    ['IPv4-mapped to a public address', '::ffff:c000:201'],
    ['a prefix', '10.0.0.0/8'],
    ['a port', '1.2.3.4:80'],
    ['a hundred colons', ':'.repeat(100)],
  ])('is not written with %s', (_name, host) => {
    expect(isCanonicalHost(host)).toBe(false)
    expect(refusalOf(at(host), { allow_local: true })).toBe('candidate')
  })

  it('is what URL makes of it, for every IPv6 address', () => {
    const group = fc.oneof(fc.constant(0), fc.nat(0xffff))
    fc.assert(
      fc.property(fc.array(group, { minLength: 8, maxLength: 8 }), (groups) => {
        const { hostname } = new URL(`http://[${groups.map((part) => part.toString(16)).join(':')}]`)
        expect(isCanonicalHost(hostname.slice(1, -1))).toBe(
          !(groups.slice(0, 5).every((part) => part === 0) && groups[5] === 0xffff),
        )
      }),
      { numRuns: 1_000 },
    )
  })
})

describe('a candidate', () => {
  it.each([
    '192.0.2.1',
    '10.1.2.3',
    '172.16.0.1',
    '192.168.1.1',
    '100.64.0.1',
    '1.0.0.0',
    '126.255.255.255',
    '128.0.0.1',
    '169.253.255.255',
    '169.255.0.0',
    '223.255.255.255',
    '2001:db8::1',
    'fd00::1',
    'fec0::1',
    'fe7f::1',
    '64:ff9a::1',
    '64:ff9b:0:1::1',
    '64:ff9b:2::1',
    '::1:0:0:0',
  ])('may be %s', (host) => {
    expect(refusalOf(at(host), {})).toBeUndefined()
  })

  it.each(['127.0.0.1', '127.255.255.255', '169.254.0.1', '169.254.255.255', '::1', 'fe80::1', 'febf::1'])(
    'may be %s only where the room allows local ones',
    (host) => {
      expect(refusalOf(at(host), {})).toBe('candidate')
      expect(refusalOf(at(host), { allow_local: false })).toBe('candidate')
      expect(refusalOf(at(host), { allow_local: true })).toBeUndefined()
    },
  )

  it.each([
    ['this network', '0.0.0.0'],
    ['this network', '0.255.255.255'],
    ['multicast', '224.0.0.1'],
    ['multicast', '239.255.255.255'],
    ['reserved', '240.0.0.1'],
    ['broadcast', '255.255.255.255'],
    ['unspecified', '::'],
    ['IPv4-compatible', '::7f00:1'],
    ['multicast', 'ff02::1'],
    ['multicast', 'ffff::'],
    ['translated', '64:ff9b::7f00:1'],
    ['translated by a local prefix', '64:ff9b:1::7f00:1'],
  ])('is never in %s: %s', (_name, host) => {
    expect(refusalOf(at(host), { allow_local: true })).toBe('candidate')
  })

  it('has a port that is no privileged one', () => {
    expect([1023, 1024, 65_535, 65_536].map((port) => refusalOf(at('192.0.2.1', { port }), {}))).toEqual([
      'candidate',
      undefined,
      undefined,
      'candidate',
    ])
  })

  it('is a relay where the room says so', () => {
    const types = ['host', 'srflx', 'prflx', 'relay'] as const
    const refusals = types.map((type) => refusalOf(at('192.0.2.1', { type }), { relay_only: true }))
    expect(refusals).toEqual(['relay_only', 'relay_only', 'relay_only', undefined])
  })
})
