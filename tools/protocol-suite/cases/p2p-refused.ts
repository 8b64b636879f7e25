import assert from 'node:assert/strict'
import { rule, type Case } from '../case.ts'
import { fingerprint } from '../sdp.ts'
import { forgeries } from '../tokens.ts'
import { has, refused } from '../world.ts'
import { address, agents, close, denial, own, request, sessionOf, theirs, type Request } from './agents.ts'

/** §3, §6 and §8: which sessions are not made, and whose they are not. */
export const p2pRefused: Case[] = [
  rule('p2p.strangers', '§3 §8', "Somebody else's session is NOT_FOUND, whatever one wants of it.", async (t) => {
    const { room, peers } = await agents(t, 'owner', 'member', 'member')
    const [a, b, c] = peers
    await request(t, a!, b!.peer_id, room)
    const asked = sessionOf(await b!.next('p2p.session.request'))
    const accept = { candidates: [theirs], fingerprint: fingerprint() }
    refused(await c!.ask('p2p.session.accept', 'server', { ...accept, session_id: asked }), 'NOT_FOUND')
    refused(await a!.ask('p2p.session.accept', 'server', { ...accept, session_id: asked }), 'NOT_FOUND')
    refused(await c!.ask('p2p.session.reject', 'server', { session_id: asked, reason: 'declined' }), 'NOT_FOUND')
    const created = await b!.ask('p2p.session.accept', 'server', { ...accept, session_id: asked })
    has(created, { type: 'p2p.session.created' })
    const cap_token = await t.grant(c!, room, ['share:file'])
    refused(await c!.ask('p2p.session.closed', 'server', close(asked)), 'NOT_FOUND')
    refused(await c!.ask('p2p.session.renew', 'server', { session_id: asked, cap_token }), 'NOT_FOUND')
    const none = `p2p_${'n'.repeat(22)}`
    refused(await c!.ask('p2p.session.closed', 'server', close(none)), 'NOT_FOUND')
  }),
  rule('p2p.capability', '§3 §6', 'A session needs a live capability for its purpose.', async (t) => {
    const { room, users, peers } = await agents(t, 'owner', 'member', 'member')
    const [a, b, c] = peers
    const payload = { room_id: room, purpose: 'share:file', candidates: [own], fingerprint: fingerprint() }
    const without = await a!.ask('p2p.session.request', b!.peer_id, payload)
    has(refused(without, 'CAP_REQUIRED').payload, { required: 'share:file' })
    const good = await t.grant(a!, room, ['share:file'])
    const call = await t.grant(a!, room, ['call'])
    has((await denial(t, a!, b!.peer_id, room, { token: call }, 'CAP_REQUIRED')).payload, { required: 'share:file' })
    const forged = await forgeries(good, undefined)
    const one = forged['another key under the same kid']!
    await denial(t, a!, b!.peer_id, room, { token: one }, 'CAP_INVALID')
    await denial(t, b!, a!.peer_id, room, { token: good }, 'CAP_INVALID')
    const targeted = await t.grant(a!, room, ['share:file'], { target_peer_id: c!.peer_id })
    await denial(t, a!, b!.peer_id, room, { token: targeted }, 'CAP_INVALID')
    await t.api(users[0], 'PATCH', `/rooms/${room}`, { policy: { max_rate: 1_000 } })
    await denial(t, a!, b!.peer_id, room, { token: good }, 'CAP_INVALID')
    await t.settle(a!)
    assert.deepEqual([...b!.all('p2p.session.request'), ...c!.all('p2p.session.request')], [])
  }),
  rule('p2p.unroutable', '§3 §8', 'A target that is not connected or not in the room is UNROUTABLE.', async (t) => {
    const { room, users, peers } = await agents(t, 'owner', 'member')
    const outside = await t.connect(users[1]!)
    for (const to of [outside.peer_id, `peer_${'n'.repeat(22)}`, `dev_${'n'.repeat(22)}`]) {
      await denial(t, peers[0]!, to, room, {}, 'UNROUTABLE')
    }
  }),
  rule('p2p.shape', '§8 §13', 'Fingerprint and candidates are as §13 writes them, at most 16.', async (t) => {
    const { room, peers } = await agents(t, 'owner', 'member')
    const [a, b] = peers
    const wrong: Request[] = [
      { fingerprint: 'AB:CD' },
      { fingerprint: `sha-1 ${Array(20).fill('AB').join(':')}` },
      { candidates: [{ host: '192.0.2.1', port: 0, type: 'host' }] },
      { candidates: [{ host: '192.0.2.1', port: 65_536, type: 'host' }] },
      { candidates: [{ host: '192.0.2.1', port: 40_000 }] },
      { candidates: Array.from({ length: 17 }, (_, i) => address('192.0.2.1', 40_000 + i)) },
    ]
    const token = await t.grant(a!, room, ['share:file'])
    for (const options of wrong) await denial(t, a!, b!.peer_id, room, { token, ...options }, 'BAD_MESSAGE')
    const most = Array.from({ length: 16 }, (_, i) => address('192.0.2.1', 40_000 + i))
    await request(t, a!, b!.peer_id, room, { token, candidates: most })
    assert.deepEqual((await b!.next('p2p.session.request')).payload.candidates, most)
  }),
  rule('p2p.canonical', '§8', 'Only canonical addresses are candidates: no names, no other spelling.', async (t) => {
    const { room, users, peers } = await agents(t, 'owner', 'member')
    const second = await t.enter(users[0]!, room)
    const [a, b] = peers
    const hosts = [
      'host.example',
      '010.0.0.1',
      '10.1',
      '0x7f.0.0.1',
      '2130706433',
      '2001:DB8::1',
      '2001:db8:0:0:0:0:0:1',
    ]
    const tokens = [await t.grant(b!, room, ['share:file']), await t.grant(a!, room, ['share:file'])]
    // The contract says refused, and by §3 both a bad message and a policy could be meant.
    for (const [i, host] of [...hosts, '::ffff:10.0.0.1', 'fe80::1%eth0'].entries()) {
      const [from, to] = i % 2 === 0 ? [b!, second] : [a!, b!]
      const options = { token: tokens[i % 2]!, candidates: [own, address(host)] }
      await denial(t, from, to.peer_id, room, options, 'BAD_MESSAGE', 'P2P_SESSION_DENIED')
    }
  }),
  rule('p2p.local', '§8', 'Loopback, link-local, multicast and unspecified are refused, at either end.', async (t) => {
    const { room, peers } = await agents(t, 'owner', 'member')
    const [a, b] = peers
    const refusals = ['P2P_SESSION_DENIED', 'BAD_MESSAGE']
    const hosts = ['127.0.0.1', '127.8.8.8', '169.254.1.1', '224.0.0.1', '0.0.0.0', '::1', 'fe80::1', 'ff02::1', '::']
    const tokens = [await t.grant(a!, room, ['share:file']), await t.grant(b!, room, ['share:file'])]
    for (const [i, host] of hosts.entries()) {
      const [from, to] = i % 2 === 0 ? [a!, b!] : [b!, a!]
      await denial(t, from, to.peer_id, room, { token: tokens[i % 2]!, candidates: [own, address(host)] }, ...refusals)
    }
    await request(t, a!, b!.peer_id, room, { token: tokens[0]! })
    const session_id = sessionOf(await b!.next('p2p.session.request'))
    const accept = { session_id, candidates: [address('127.0.0.1')], fingerprint: fingerprint() }
    refused(await b!.ask('p2p.session.accept', 'server', accept), ...refusals)
    assert.deepEqual(a!.all('p2p.session.created'), [])
  }),
  rule('p2p.allow-local', '§8 §11', "A room's policy may allow loopback, for development.", async (t) => {
    const { room, users, peers } = await agents(t, 'owner', 'member')
    await t.api(users[0], 'PATCH', `/rooms/${room}`, { policy: { allow_local: true } })
    const candidates = [address('127.0.0.1'), address('::1')]
    await request(t, peers[0]!, peers[1]!.peer_id, room, { candidates })
    assert.deepEqual((await peers[1]!.next('p2p.session.request')).payload.candidates, candidates)
    await denial(
      t,
      peers[0]!,
      peers[1]!.peer_id,
      room,
      { candidates: [address('224.0.0.1')] },
      'P2P_SESSION_DENIED',
      'BAD_MESSAGE',
    )
  }),
]
