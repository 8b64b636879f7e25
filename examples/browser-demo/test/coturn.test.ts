import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { credentialsOf, executable, hasCoturn, startCoturn } from './coturn.ts'
import type { Coturn } from './coturn.ts'
import { createTurnClient } from './turn-client.ts'
import type { TurnClient } from './turn-client.ts'

if (!hasCoturn) console.warn(`SKIPPED: the tests of relays need coturn at ${executable}`)

/** The configuration that the documentation hands out. */
describe.skipIf(!hasCoturn)('coturn as docs/turn.md has it', () => {
  let coturn: Coturn
  const clients: TurnClient[] = []

  beforeAll(async () => {
    coturn = await startCoturn()
  })
  afterAll(async () => {
    for (const client of clients) client.close()
    await coturn?.close()
  })

  function client(user: { username: string; credential: string }): TurnClient {
    const made = createTurnClient(coturn.port, user)
    clients.push(made)
    return made
  }

  const now = () => Math.floor(Date.now() / 1000)

  it('takes credentials that were made with the secret', async () => {
    expect(await client(credentialsOf('ana')).allocate()).toBe('ok')
  })

  it.each([
    ['that have expired', credentialsOf('ana', now() - 1)],
    ['made with another secret', credentialsOf('ana', now() + 600, 'another')],
    ['with a life made longer', { ...credentialsOf('ana', now() + 60), username: `${now() + 86_400}:ana` }],
    ['in the name of somebody else', { ...credentialsOf('ana'), username: credentialsOf('ben').username }],
    ['without a password', { ...credentialsOf('ana'), credential: '' }],
  ])('refuses credentials %s', async (_name, user) => {
    expect(await client(user).allocate()).toBe(401)
  })

  it('leads to no address that is not public, however it is written', async () => {
    const [v4, v6] = [client(credentialsOf('v4')), client(credentialsOf('v6'))]
    expect([await v4.allocate(), await v6.allocate(6)]).toEqual(['ok', 'ok'])
    const refused = async (relay: TurnClient, peers: readonly string[]) => {
      const outcomes: Record<string, unknown> = {}
      for (const peer of peers) outcomes[peer] = await relay.permit(peer)
      return outcomes
    }
    const all = (peers: readonly string[], outcome: unknown) => Object.fromEntries(peers.map((peer) => [peer, outcome]))
    expect(await refused(v4, privateV4)).toEqual(all(privateV4, 403))
    expect(await refused(v6, privateV6)).toEqual(all(privateV6, 403))
    expect(await refused(v4, publicV4)).toEqual(all(publicV4, 'ok'))
    expect(await refused(v6, publicV6)).toEqual(all(publicV6, 'ok'))
  })

  it('holds a user to twelve allocations, whenever the credentials were made, and no other user', async () => {
    const outcomes = []
    for (let n = 0; n < 13; n++) outcomes.push(await client(credentialsOf('greedy', now() + 300 + n)).allocate())
    expect(outcomes).toEqual([...Array.from({ length: 12 }, () => 'ok'), 486])
    expect(await client(credentialsOf('modest')).allocate()).toBe('ok')
  })
})

const privateV4 = [
  '0.0.0.0',
  '0.1.2.3',
  '10.0.0.1',
  '100.64.0.1',
  '127.0.0.1',
  '127.255.255.254',
  '169.254.169.254',
  '172.16.0.1',
  '172.31.255.254',
  '192.0.0.1',
  '192.0.2.1',
  '192.88.99.1',
  '192.168.1.1',
  '198.18.0.1',
  '198.51.100.1',
  '203.0.113.1',
  '224.0.0.1',
  '240.0.0.1',
  '255.255.255.255',
]

const privateV6 = [
  '::',
  '::1',
  '::7f00:1',
  '::a9fe:a9fe',
  '::ffff:0.0.0.0',
  '::ffff:127.0.0.1',
  '::ffff:10.0.0.1',
  '::ffff:169.254.169.254',
  '::ffff:192.168.1.1',
  '::ffff:8.8.8.8',
  '::ffff:0:127.0.0.1',
  '64:ff9b::127.0.0.1',
  '64:ff9b::169.254.169.254',
  '64:ff9b:1::10.0.0.1',
  '100::1',
  '2001::1',
  '2001:db8::1',
  '2002:7f00:1::1',
  'fc00::1',
  'fd12:3456:789a::1',
  'fe80::1',
  'fec0::1',
  'ff02::1',
]

const publicV4 = ['8.8.8.8', '1.1.1.1', '172.32.0.1', '100.128.0.1', '223.255.255.254']
const publicV6 = ['2606:4700:4700::1111', '2a00:1450:4001:80b::200e', '2400:cb00::1']
