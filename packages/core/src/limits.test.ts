import { describe, expect, it } from 'vitest'
import { defaultLimits, resolveLimits } from './limits.ts'
import { createWorld, frameText, join, settle, unhurried } from './testing/kit.ts'

/** The contract's limits, with the buckets of the connection out of the way. */
const classesOnly = { frames: unhurried.frames, bytes: unhurried.bytes, offences: unhurried.frames }

describe('the limits', () => {
  it('are the contract’s', () => {
    expect(defaultLimits).toMatchObject({
      frame_bytes: 96 * 1024,
      hello_bytes: 8 * 1024,
      hello_timeout_ms: 5_000,
      frames: { burst: 120, per_s: 60 },
      bytes: { burst: 256 * 1024, per_s: 64 * 1024 },
      classes: {
        sdp: { bytes: 65_536, burst: 10, per_s: 1 },
        ice: { bytes: 1_024, burst: 60, per_s: 20 },
        chat: { bytes: 4_096, burst: 10, per_s: 1 },
        presence: { bytes: 512, burst: 5, per_s: 1 },
        capability: { bytes: 1_024, burst: 20, per_s: 2 },
        p2p: { bytes: 8_192, burst: 10, per_s: 1 },
        terminal: { bytes: 1_024, burst: 20, per_s: 5 },
        other: { bytes: 8_192, burst: 20, per_s: 5 },
      },
      ring_ms: 30_000,
      candidates: 64,
      presence_interval_ms: 250,
    })
  })

  it('are settings, checked', () => {
    expect(resolveLimits({ classes: { chat: { burst: 3 } } }).classes.chat).toEqual({
      bytes: 4_096,
      burst: 3,
      per_s: 1,
    })
    for (const wrong of [
      { nonsense: 1 },
      { depth: 0 },
      { depth: '1' },
      { frames: { burst: Infinity } },
      { classes: { chat: 1 } },
    ]) {
      expect(() => resolveLimits(wrong), JSON.stringify(wrong)).toThrow()
    }
  })
})

describe('the raw frames of a connection', () => {
  it('are counted before they are parsed: 120 at once, 60 a second', async () => {
    const { connect, ann, clock } = await createWorld({
      limits: { offences: unhurried.frames, classes: unhurried.classes },
    })
    const a = await connect(ann)
    for (let i = 0; i < 120; i++) a.raw('no JSON')
    expect(a.frames.filter(({ code }) => code === 'BAD_MESSAGE')).toHaveLength(120)
    a.raw('no JSON')
    expect(a.frames.at(-1)).toMatchObject({ code: 'RATE_LIMITED', payload: { retry_after_ms: 17, retryable: true } })
    clock.advance(1_000)
    const before = a.frames.length
    for (let i = 0; i < 61; i++) a.raw('no JSON')
    expect(a.frames.slice(before).filter(({ code }) => code === 'BAD_MESSAGE')).toHaveLength(60)
  })

  it('close the connection with 4005 when they keep on', async () => {
    const { connect, ann } = await createWorld({ limits: { classes: unhurried.classes } })
    const a = await connect(ann)
    for (let i = 0; i < 200; i++) a.raw('no JSON')
    expect(a.closed).toEqual({ code: 4005, reason: 'rate_limited' })
    expect(a.frames.filter(({ code }) => code === 'RATE_LIMITED')).toHaveLength(21)
  })

  it('close it at once when the bytes run out: 256 KiB at once, 64 KiB a second', async () => {
    const { connect, ann, clock, token } = await createWorld({
      limits: { frames: unhurried.frames, classes: unhurried.classes },
    })
    const hello = frameText({ type: 'system.hello', payload: { token: await token(ann) } }).length
    const a = await connect(ann)
    const kib = frameText().padEnd(1_024)
    for (let i = 0; i < 255; i++) a.raw(kib)
    a.raw(frameText().padEnd(1_024 - hello))
    await settle()
    expect(a.closed).toBeUndefined()
    clock.advance(1_000)
    for (let i = 0; i < 64; i++) a.raw(kib)
    expect(a.closed).toBeUndefined()
    a.raw(kib)
    expect(a.closed).toEqual({ code: 4005, reason: 'rate_limited' })
  })

  it('are counted before the hello as well', async () => {
    const { open } = await createWorld({ limits: { bytes: { burst: 100, per_s: 1 } } })
    const client = open()
    client.raw('x'.repeat(101))
    expect(client.closed?.code).toBe(4005)
  })
})

describe('the buckets of a class', () => {
  it('let a burst through and tell the next how long to wait', async () => {
    const { enter, ann, room, clock } = await createWorld({ limits: classesOnly })
    const a = await enter(ann)
    const say = () => a.ask('chat.message.send', room, { text: 'x' })
    for (let i = 0; i < 10; i++) expect((await say()).type).toBe('chat.message.created')
    expect(await say()).toMatchObject({ code: 'RATE_LIMITED', payload: { retry_after_ms: 1_000 } })
    clock.advance(600)
    expect(await say()).toMatchObject({ code: 'RATE_LIMITED', payload: { retry_after_ms: 400 } })
    clock.advance(400)
    expect((await say()).type).toBe('chat.message.created')
    // Another class has its own.
    expect((await a.ask('system.ping', 'server', {})).type).toBe('system.pong')
  })

  it('survive a reconnect, and are those of the user or of the device', async () => {
    const { enter, connect, ann, bob, room } = await createWorld({ limits: classesOnly })
    const device_id = `dev_${'d'.repeat(22)}`
    const a = await enter(ann)
    for (let i = 0; i < 10; i++) await a.ask('chat.message.send', room, { text: 'x' })
    const code = async (client: typeof a) => (await client.ask('chat.message.send', room, { text: 'x' })).code
    expect(await code(a)).toBe('RATE_LIMITED')
    a.vanish()
    const again = await connect(ann)
    await join(again, room)
    expect(await code(again)).toBe('RATE_LIMITED')
    expect(await code(await enter(bob))).toBeUndefined()
    expect(await code(await enter(ann, { device_id }))).toBeUndefined()
  })

  it('close the connection when it keeps on', async () => {
    const { enter, ann, room } = await createWorld({ limits: { frames: unhurried.frames, bytes: unhurried.bytes } })
    const a = await enter(ann)
    await settle(a)
    for (let i = 0; i < 50; i++) a.send('presence.update', room, { status: 'away' })
    expect(a.frames.filter(({ code }) => code === 'RATE_LIMITED')).toHaveLength(21)
    expect(a.closed?.code).toBe(4005)
  })

  it('of an unknown type are those of anything else', async () => {
    const { connect, ann } = await createWorld({ limits: classesOnly })
    const a = await connect(ann)
    for (let i = 0; i < 20; i++) expect((await a.ask('no.such', 'server', {})).code).toBe('BAD_MESSAGE')
    expect((await a.ask('no.such', 'server', {})).code).toBe('RATE_LIMITED')
  })
})

describe('a payload too large for its class', () => {
  it('is MESSAGE_TOO_LARGE, before its shape is judged', async () => {
    const { enter, ann, room } = await createWorld()
    const a = await enter(ann)
    const cases: [string, string, object, boolean][] = [
      ['chat.message.send', room, { text: 'a'.repeat(4_096) }, true],
      ['chat.message.send', room, { text: 'a'.repeat(4_097) }, false],
      ['chat.message.send', room, { text: 'ä'.repeat(2_048) }, true],
      ['chat.message.send', room, { text: `${'ä'.repeat(2_048)}a` }, false],
      ['presence.update', room, { status: 'away', extra: 'a'.repeat(500) }, false],
      ['capability.request', 'server', { extra: 'a'.repeat(1_100) }, false],
      ['room.join', room, { extra: 'a'.repeat(8_200) }, false],
      ['rtc.offer', a.peer_id, { sdp: 'a'.repeat(65_537) }, false],
      ['rtc.ice', a.peer_id, { candidate: { candidate: 'a'.repeat(1_025) } }, false],
    ]
    for (const [type, to, payload, fits] of cases) {
      const answer = await a.ask(type, to, payload)
      if (fits) expect(answer.type).toBe('chat.message.created')
      else expect(answer, type).toMatchObject({ code: 'MESSAGE_TOO_LARGE', payload: { retryable: false } })
    }
  })
})
