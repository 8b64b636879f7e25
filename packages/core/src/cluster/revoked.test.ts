import { describe, expect, it } from 'vitest'
import { unhurried } from '../testing/kit.ts'
import { createTwoNodes, quiet } from '../testing/two-nodes.ts'
import { everybody } from './messages.ts'

type Nodes = Awaited<ReturnType<typeof createTwoNodes>>

/** Lets seconds go by. */
async function pass(w: Nodes, seconds: number): Promise<void> {
  for (let i = 0; i < seconds; i++) {
    w.clock.advance(1_000)
    await quiet()
  }
}

const soundly = { limits: { ...unhurried, position_check_s: 60 } }
const sid = `sess_${'q'.repeat(22)}`
const login = { token_key: 'key', secret_hash: 'hash', created_at: 0, expires_at: 9e15 }

describe('access that another node takes back while the bus is down', () => {
  it.each([
    ['a user who is disabled', ({ storage, bob }: Nodes) => storage.users.update(bob, { disabled: true })],
    ['a login that is revoked', ({ storage, clock }: Nodes) => storage.logins.revoke({ sid }, clock.now())],
    [
      "a user of the host's who is revoked",
      ({ storage, bob, clock }: Nodes) =>
        storage.revocations.add({ id: bob, revoked_at: clock.now(), expires_at: clock.now() + 1e9 }),
    ],
  ] as const)('ends within 6 s: %s', async (_what, revoke) => {
    const w = await createTwoNodes(soundly)
    await w.storage.logins.create({ sid, user_id: w.bob, ...login })
    const [a, b] = [await w.enter(w.ann), await w.enterOther(w.bob, { sid })]
    await pass(w, 2)
    w.line.cut(true)
    await revoke(w)
    expect(b.closed).toBeUndefined()
    await pass(w, 6)
    expect(b.closed?.code).toBe(4101)
    expect(a.closed).toBeUndefined()
  })

  it('ends at once when the bus is back, and within a minute where only the word of it was lost', async () => {
    for (const isCut of [true, false]) {
      const w = await createTwoNodes(soundly)
      const b = await w.enterOther(w.bob)
      await pass(w, 6)
      if (isCut) {
        w.line.cut(true)
        await pass(w, 1)
        await w.storage.users.update(w.bob, { disabled: true })
        w.line.cut(false)
        await pass(w, 1)
      } else {
        await w.storage.users.update(w.bob, { disabled: true })
        await pass(w, 1)
        expect(b.closed).toBeUndefined()
        await pass(w, 60)
      }
      expect(b.closed?.code).toBe(4101)
    }
  })

  it('leaves a user of the host who came back after it', async () => {
    const w = await createTwoNodes(soundly)
    w.line.cut(true)
    await w.storage.revocations.add({ id: w.bob, revoked_at: w.clock.now(), expires_at: w.clock.now() + 1e9 })
    await pass(w, 2)
    const b = await w.enterOther(w.bob)
    await pass(w, 12)
    expect(b.closed).toBeUndefined()
  })

  it('is looked up again as soon as a storage that could not say is back', async () => {
    const w = await createTwoNodes(soundly)
    const b = await w.enterOther(w.bob)
    await pass(w, 1)
    w.line.cut(true)
    await w.storage.users.update(w.bob, { disabled: true })
    const { ended } = w.storage.revocations
    Object.assign(w.storage.revocations, { ended: () => Promise.reject(new Error('away')) })
    await pass(w, 6)
    expect(b.closed).toBeUndefined()
    Object.assign(w.storage.revocations, { ended })
    await pass(w, 1)
    expect(b.closed?.code).toBe(4101)
  })
})

describe('a bus that was down for an instant only', () => {
  it('is noticed, and what was lost meanwhile is read', async () => {
    const w = await createTwoNodes(soundly)
    const [a, b] = [await w.enter(w.ann), await w.enterOther(w.bob)]
    await pass(w, 2)
    w.line.cut(true)
    await a.ask('chat.message.send', w.room, { text: 'while it was down' })
    w.line.cut(false)
    await pass(w, 3)
    expect(b.frames.map(({ payload }) => payload.text)).toContain('while it was down')
  })

  it('is made known to those who heard all along, who read what that node could not say', async () => {
    const w = await createTwoNodes(soundly)
    const b = await w.enterOther(w.bob)
    await pass(w, 2)
    const at = w.clock.now()
    const event = { id: 'unsaid', type: 'chat.message.created', from: 'server', at, payload: { text: 'unsaid' } }
    await w.storage.events.append(w.room, event, { user_id: w.ann })
    await pass(w, 3)
    expect(b.frames.map(({ payload }) => payload.text)).not.toContain('unsaid')
    w.line.connect().publish('missed', '')
    await pass(w, 3)
    expect(b.frames.map(({ payload }) => payload.text)).toContain('unsaid')
  })
})

describe('a node that falls silent', () => {
  /** One more node, of which a word is heard now and then nothing more. */
  async function meetThird(w: Nodes) {
    const third = w.line.connect()
    const say = async (kind: 'beat' | 'gone') => {
      third.publish(everybody, JSON.stringify({ kind, node: 'third', n: 0 }))
      await quiet()
    }
    await say('beat')
    return say
  }

  /** Stores something without a word to anybody, and lets the seconds pass in which it is to be found. */
  async function store(w: Nodes, text: string, act: () => Promise<unknown> = async () => {}) {
    const event = { id: text, type: 'chat.message.created', from: 'server', at: w.clock.now(), payload: { text } }
    await w.storage.events.append(w.room, event, { user_id: w.ann })
    await act()
    await pass(w, 6)
  }

  it('may be storing things all the same: they are looked for, within a few seconds, until it is heard again', async () => {
    const w = await createTwoNodes(soundly)
    const [b, c] = [await w.enterOther(w.bob), await w.enterOther(w.cleo)]
    const say = await meetThird(w)
    const heard = () => c.frames.flatMap(({ payload }) => payload.text ?? [])
    await pass(w, 1)
    await store(w, 'all are heard')
    expect(heard()).toEqual([])
    await pass(w, 1)
    await store(w, 'one is late', () => w.storage.users.update(w.bob, { disabled: true }))
    expect(heard()).toEqual(['all are heard', 'one is late'])
    expect(b.closed?.code).toBe(4101)
    await pass(w, 15)
    await store(w, 'it is gone')
    expect(heard()).toContain('it is gone')
    await say('beat')
    await store(w, 'all are heard again')
    expect(heard()).not.toContain('all are heard again')
  })

  it('is not waited for once it has said that it stops', async () => {
    const w = await createTwoNodes(soundly)
    const c = await w.enterOther(w.cleo)
    const say = await meetThird(w)
    await pass(w, 16)
    await say('gone')
    const from = c.frames.length
    await store(w, 'unsaid')
    expect(c.frames.slice(from)).toEqual([])
  })
})
