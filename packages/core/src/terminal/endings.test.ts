import { describe, expect, it } from 'vitest'
import { createMemoryBusLine } from '../memory/bus.ts'
import { createMemoryStorage } from '../memory/storage.ts'
import type { Storage, TerminalStore } from '../ports/index.ts'
import { createWorld, settle, unhurried } from '../testing/kit.ts'
import { controlHeard, controlOf, createStage, type Stage } from '../testing/terminal-kit.ts'
import { issueCapability, verifyCapability, type CapabilityClaims } from '../tokens/capability.ts'
import { createKeyring, generateSigningKey } from '../tokens/keys.ts'

const keys = [await generateSigningKey(), await generateSigningKey()] as const

const stage = async (options: { limits?: object; storage?: Storage } = {}) => {
  const { limits = {}, ...rest } = options
  const capabilityKeys = await createKeyring([...keys])
  return createStage(await createWorld({ ...rest, capabilityKeys, limits: { ...unhurried, ...limits } }))
}

/** What happens while cleo controls bob's terminal, and why control is over then; null where it goes on. */
const endings: [string, (s: Stage) => unknown, string | null][] = [
  ['the holder gives it back', (s) => s.release(s.peers.cleo), 'released'],
  ['the holder leaves', (s) => s.peers.cleo.ask('room.leave', s.room, {}), 'left'],
  ['the holder is gone for good', (s) => s.peers.cleo.vanish(), 'left'],
  ['the holder is removed', (s) => s.remove(s.cleo), 'revoked'],
  ['the holder is demoted', (s) => s.setRole(s.cleo, 'guest'), 'revoked'],
  ['the holder is logged out', (s) => s.mesh.disconnect({ user_id: s.cleo }), 'revoked'],
  ['the policy forbids it', (s) => s.setCaps({ member: ['call'] }), 'revoked'],
  ['the key of its token is revoked', (s) => s.mesh.revokeKey(keys[0].kid), 'revoked'],
  ['an owner takes it away', (s) => s.take(s.peers.ann, { force: true }), 'forced'],
  ['its time is over', (s) => s.clock.advance(15_000), 'expired'],
  [
    'the host stops',
    (s) => s.peers.bob.ask('terminal.share.stop', 'server', { terminal_id: s.terminal_id }),
    'stopped',
  ],
  [
    'an owner stops it',
    (s) => s.peers.ann.ask('terminal.share.stop', 'server', { terminal_id: s.terminal_id }),
    'stopped',
  ],
  ['the host leaves', (s) => s.peers.bob.ask('room.leave', s.room, {}), 'stopped'],
  ['the host is gone for good', (s) => s.peers.bob.vanish(), 'stopped'],
  ['the host is removed', (s) => s.remove(s.bob), 'stopped'],
  ['the host may share no more', (s) => s.setRole(s.bob, 'guest'), 'stopped'],
  ['somebody else leaves', (s) => s.peers.ann.ask('room.leave', s.room, {}), null],
  ['another peer of the holder leaves', async (s) => (await s.enter(s.cleo)).vanish(), null],
  ['the holder is promoted', (s) => s.setRole(s.cleo, 'owner'), null],
  ['the policy forbids guests', (s) => s.setCaps({ guest: [] }), null],
  ['another key is revoked', (s) => s.mesh.revokeKey(keys[1].kid), null],
  ['less than its time passes', (s) => s.clock.advance(14_999), null],
]

describe('control, when', () => {
  it.each(endings)('%s', async (_what, happens, reason) => {
    const s = await stage()
    const { ann, bob, cleo } = s.peers
    await s.control(cleo)
    await happens(s)
    const witness = await s.enter(s.dan).catch(() => s.connect(s.ann))
    await settle(witness)
    const terminal = await s.storage.terminals.find(s.terminal_id)
    const events = await s.storage.events.list(s.room, { after: 0, limit: 100 })
    const released = events.filter(({ type }) => type === 'terminal.control.released')
    const told = reason === null ? [] : [[1, reason]]
    expect(released.map(({ payload }) => [payload.fence, payload.reason])).toEqual(told)
    for (const client of [ann, bob]) {
      const isThere = !client.closed && s.mesh.peers.get(client.peer_id)?.rooms.size
      if (isThere) expect(controlHeard(client)).toEqual([[1, cleo.peer_id], ...told])
    }
    expect(terminal?.lease?.peer_id).toBe(reason === null ? cleo.peer_id : undefined)
    expect(terminal === undefined).toBe(reason === 'stopped')
    if (!cleo.closed) {
      const cap = { target_peer_id: bob.peer_id, room_id: s.room, caps: ['terminal:control'] }
      const granted = await cleo.ask('capability.request', 'server', cap)
      const payload = { terminal_id: s.terminal_id, fence: 1, cap_token: granted.payload.token ?? 'none' }
      const renewed = await cleo.ask('terminal.control.renew', 'server', payload)
      expect(renewed.type).toBe(reason === null ? 'terminal.control.granted' : 'error')
    }
    // A share ended once, together with the control of it, the release first.
    const stopped = events.filter(({ type }) => type === 'terminal.share.stopped')
    expect(stopped.map(({ seq }) => seq)).toEqual(reason === 'stopped' ? [Number(released[0]?.seq) + 1] : [])
  })

  it('the room is deleted, leaves nothing', async () => {
    const s = await stage()
    await s.control(s.peers.cleo)
    await s.mesh.rooms.delete('administrator', s.room)
    expect(await s.storage.terminals.find(s.terminal_id)).toBeUndefined()
    s.clock.advance(60_000)
    await settle(...Object.values(s.peers))
    expect(controlHeard(s.peers.bob)).toHaveLength(1)
  })

  it("the holder's socket is lost, goes on until its time is over", async () => {
    const s = await stage({ limits: { resume_window_s: 120 } })
    const { bob, cleo } = s.peers
    await s.control(cleo)
    cleo.vanish()
    s.clock.advance(14_999)
    await settle(bob)
    expect(controlHeard(bob)).toHaveLength(1)
    s.clock.advance(1)
    await settle(bob)
    expect(controlHeard(bob).slice(1)).toEqual([[1, 'expired']])
  })

  it('it is renewed in time, lasts on, and runs out once', async () => {
    const s = await stage()
    const { bob, cleo } = s.peers
    await s.control(cleo)
    for (let n = 0; n < 5; n++) {
      s.clock.advance(10_000)
      expect((await s.renew(cleo, 1)).type).toBe('terminal.control.granted')
    }
    s.clock.advance(14_999)
    await settle(bob)
    expect(controlHeard(bob)).toHaveLength(1)
    s.clock.advance(60_000)
    await settle(bob)
    expect(controlHeard(bob).slice(1)).toEqual([[1, 'expired']])
    expect(await s.control(cleo)).toBe(2)
  })

  it('it passes to another, does not end with what the former holder does', async () => {
    const s = await stage()
    const { bob, cleo } = s.peers
    await s.control(cleo)
    await s.control(bob, { force: true })
    await cleo.ask('room.leave', s.room, {})
    s.clock.advance(14_999)
    await settle(bob)
    expect(controlHeard(bob)).toEqual([
      [1, cleo.peer_id],
      [2, bob.peer_id],
    ])
  })
})

describe('the node of the host', () => {
  it('sees to the end of a lease whose holder was on another node, renewals included', async () => {
    const [line, storage] = [createMemoryBusLine(), createMemoryStorage()]
    const s = await createStage(await createWorld({ storage, bus: line.connect() }))
    const { bob } = s.peers
    const { terminal_id } = s
    // What the other node does before it dies.
    const of = { terminal_id, peer_id: 'peer_elsewhere', user_id: s.cleo }
    const [now, expires_at] = [s.clock.now(), s.clock.now() + 15_000]
    const payload = { terminal_id, peer_id: of.peer_id, expires_at: new Date(expires_at).toISOString() }
    const event = { id: crypto.randomUUID(), type: 'terminal.control.granted', from: of.peer_id, at: now, payload }
    const taken = await storage.terminals.take({ ...of, force: false, now, expires_at }, event)
    if (taken.outcome !== 'granted') throw new Error(taken.outcome)
    line.connect().publish('events', JSON.stringify(taken.event))
    await storage.terminals.renew({ ...of, fence: 1, now, expires_at: now + 25_000 })
    await bob.next('terminal.control.granted')
    s.clock.advance(24_999)
    await settle(bob)
    expect(controlHeard(bob)).toHaveLength(1)
    s.clock.advance(1)
    await settle(bob)
    expect(controlHeard(bob)).toEqual([
      [1, 'peer_elsewhere'],
      [1, 'expired'],
    ])
  })
})

/** A storage of which one operation on terminals may be put in place of the real one. */
function patchable() {
  const storage = createMemoryStorage()
  const patches: Partial<TerminalStore> = {}
  const terminals = new Proxy(storage.terminals, { get: (real, name) => Reflect.get({ ...real, ...patches }, name) })
  return { storage: { ...storage, terminals }, real: storage.terminals, patches }
}

describe('an end of control that the store is slow to take', () => {
  it('holds at once: the room hears that the holder is gone, and nothing is renewed', async () => {
    const { storage, real, patches } = patchable()
    const s = await stage({ storage })
    const { bob, cleo } = s.peers
    await s.setRole(s.cleo, 'owner')
    await s.control(cleo)
    const { promise: gate, resolve: open } = Promise.withResolvers<void>()
    patches.release = (...of) => gate.then(() => real.release(...of))
    // Still a member, who gets a fresh token at once: what keeps the lease from being renewed is that it is over.
    await s.setRole(s.cleo, 'member')
    expect((await s.renew(cleo, 1)).code).toBe('CONFLICT')
    expect((await real.find(s.terminal_id))?.lease?.peer_id).toBe(cleo.peer_id)
    await s.remove(s.cleo)
    await settle(bob)
    expect((await bob.next('room.left')).payload).toMatchObject({ peer_id: cleo.peer_id, reason: 'removed' })
    expect(controlHeard(bob)).toHaveLength(1)
    open()
    await bob.next('terminal.control.released')
    expect(controlHeard(bob).slice(1)).toEqual([[1, 'revoked']])
  })

  it('holds at once when the host is gone, too', async () => {
    const { storage, real, patches } = patchable()
    const s = await stage({ storage })
    const { ann, bob, cleo } = s.peers
    await s.control(cleo)
    const { promise: gate, resolve: open } = Promise.withResolvers<void>()
    patches.stop = (...of) => gate.then(() => real.stop(...of))
    const cap_token = await controlOf(cleo, s.room, bob)
    await bob.ask('room.leave', s.room, {})
    const renewal = { terminal_id: s.terminal_id, fence: 1, cap_token }
    expect((await cleo.ask('terminal.control.renew', 'server', renewal)).code).toBe('CONFLICT')
    open()
    await ann.next('terminal.share.stopped')
    expect(controlHeard(ann).slice(1)).toEqual([[1, 'stopped']])
  })

  it('holds against a renewal under way, by a token whose key is revoked meanwhile', async () => {
    const { storage, real, patches } = patchable()
    const s = await stage({ storage })
    const { bob, cleo } = s.peers
    await s.control(cleo)
    const claims = (await verifyCapability(await controlOf(cleo, s.room, bob), {
      keys: s.capabilityKeys,
      issuer: s.issuer,
    })) as CapabilityClaims & { kid?: string }
    delete claims.kid
    const cap_token = await issueCapability(await createKeyring([keys[1]]), claims)
    patches.renew = async (...of) => {
      s.mesh.revokeKey(keys[1].kid)
      return real.renew(...of)
    }
    const renewal = { terminal_id: s.terminal_id, fence: 1, cap_token }
    expect((await cleo.ask('terminal.control.renew', 'server', renewal)).code).toBe('CAP_INVALID')
  })

  it('or does not take at all is told when the lease has run out', async () => {
    const { storage, patches } = patchable()
    const s = await stage({ storage })
    const { bob, cleo } = s.peers
    await s.control(cleo)
    patches.release = () => Promise.reject(new Error('disk full'))
    await s.remove(s.cleo)
    await settle(bob)
    s.clock.advance(14_999)
    await settle(bob)
    delete patches.release
    s.clock.advance(60_000)
    await settle(bob)
    expect(controlHeard(bob)).toEqual([
      [1, cleo.peer_id],
      [1, 'expired'],
    ])
  })
})
