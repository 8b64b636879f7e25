import { describe, expect, it } from 'vitest'
import { MeshError } from '../errors.ts'
import { randomIds } from '../ids.ts'
import { createMemoryStorage } from '../memory/storage.ts'
import { silentLogger, type Delivery } from '../ports/index.ts'
import { createManualClock } from '../testing/manual-clock.ts'
import { createRandom } from '../testing/simulator/random.ts'
import { createCourier, type Delivered } from './courier.ts'
import { defaultDeliverySettings, type DeliverySettings } from './settings.ts'

/** Couriers on one outbox, each with the answer it gets, and when each was asked. */
function setUp(settings: Partial<DeliverySettings> = {}, logger = silentLogger) {
  const clock = createManualClock()
  const { deliveries: store } = createMemoryStorage()
  return {
    clock,
    store,
    add: (topic: string) => store.add({ channel: 'notify', topic, kind: 'chat', due_at: clock.now() }, clock.now()),
    employ(answer: (delivery: Delivery) => Delivered | Promise<Delivered>, random: () => number = () => 0) {
      const asked: { at: number; topic: string }[] = []
      const courier = createCourier({
        channel: 'notify',
        store,
        clock,
        now: clock.now,
        ids: randomIds,
        random,
        logger,
        settings: { ...defaultDeliverySettings, pollMs: 10, ...settings },
        joinedMs: 0,
        async deliver(delivery) {
          asked.push({ at: clock.monotonic(), topic: delivery.topic })
          return answer(delivery)
        },
      })
      return { courier, asked }
    },
    /** Lets time pass, in milliseconds, and everything happen that it brings. */
    async pass(ms: number, step = 50) {
      for (let n = 0; n < ms; n += step) {
        clock.advance(step)
        // Nothing here takes longer than the memory storage.
        for (let turn = 0; turn < 100; turn++) await Promise.resolve()
      }
    },
  }
}

const later = (more: object = {}): Delivered => ({ outcome: 'later', reason: 'status 500', ...more })
const never = { failures: 1_000, pauseMs: 1 }

/** How long was waited before each retry of one delivery, in milliseconds. */
const waitsOf = (asked: { at: number }[]) => asked.slice(1).map(({ at }, n) => at - (asked[n]?.at ?? 0))

describe('what failed', () => {
  it('is tried again after twice as long each time, by half or less of it at random, up to the longest', async () => {
    const { add, employ, pass } = setUp({ breaker: never, retryMs: { first: 1_000, longest: 8_000 } })
    await add('one')
    const { asked } = employ(() => later(), createRandom(7).next)
    await pass(40_000)
    const waits = waitsOf(asked)
    const most = [1_000, 2_000, 4_000, 8_000, 8_000, 8_000]
    expect(waits.length).toBeGreaterThanOrEqual(most.length)
    for (const [n, own] of most.entries()) {
      // Up to the next look.
      expect(waits[n]).toBeGreaterThanOrEqual(own / 2)
      expect(waits[n]).toBeLessThanOrEqual(own + 60)
    }
    expect(new Set(waits.slice(3, 6)).size).toBe(3)
  })

  it('is tried at the same times under the same seed, and what failed together at others', async () => {
    const timesOf = async (seed: number) => {
      const { add, employ, pass } = setUp({ breaker: never })
      for (const topic of ['one', 'two', 'three', 'four']) await add(topic)
      const { asked } = employ(() => later(), createRandom(seed).next)
      await pass(2_000, 10)
      return asked.map(({ at, topic }) => `${topic} ${at}`)
    }
    const times = await timesOf(1)
    expect(await timesOf(1)).toEqual(times)
    expect(await timesOf(2)).not.toEqual(times)
    const retries = times.slice(4, 8).map((text) => text.split(' ')[1])
    expect(new Set(retries).size).toBe(4)
  })

  it('is not tried before the service has asked for it, nor all of it at that moment', async () => {
    const { add, employ, pass } = setUp({ breaker: never })
    for (const topic of ['one', 'two', 'three']) await add(topic)
    const { asked } = employ(() => later({ retry_after_ms: 5_000 }), createRandom(3).next)
    await pass(5_900, 10)
    const again = asked.slice(3).map(({ at }) => at - (asked[0]?.at ?? 0))
    expect(again).toHaveLength(3)
    expect(Math.min(...again)).toBeGreaterThanOrEqual(5_000)
    expect(new Set(again).size).toBe(3)
  })
})

describe('a service that fails', () => {
  const breaker = { failures: 3, pauseMs: 60_000 }
  const retryMs = { first: 1, longest: 1 }

  it('is left alone, although others need not be told meanwhile', async () => {
    const { add, employ, pass } = setUp({ breaker, retryMs })
    await add('one')
    const { courier, asked } = employ(({ topic }) => (topic.includes('one') ? later() : { outcome: 'needless' }))
    for (let n = 0; n < 9; n++) {
      await add(`for nobody ${n}`)
      await pass(50)
    }
    expect(courier.isPaused).toBe(true)
    const asks = () => asked.filter(({ topic }) => topic.includes('one')).length
    const before = asks()
    await pass(50_000, 1_000)
    expect(asks()).toBe(before)
    // Once, to find out whether it is over; it is not.
    await pass(11_000, 1_000)
    expect(asks()).toBe(before + 1)
    expect(courier.isPaused).toBe(true)
  })

  it('is not held to have failed by what is away here', async () => {
    const { add, employ, pass, store } = setUp({ breaker, retryMs })
    await add('one')
    const { courier, asked } = employ(async () => {
      throw new MeshError('UNAVAILABLE')
    })
    await pass(1_000)
    expect(asked.length).toBeGreaterThan(breaker.failures)
    expect(courier.isPaused).toBe(false)
    expect(await store.list({ limit: 9 })).toMatchObject([{ reason: 'UNAVAILABLE' }])
  })
})

it('deliveries that hang hold up those behind them for no longer than the claim on them lasts', async () => {
  const { add, employ, pass, store } = setUp({ claimMs: 3_000 })
  for (let n = 0; n < 6; n++) await add(`${n}`)
  const { asked } = employ(({ topic }) => (Number(topic) < 4 ? new Promise<never>(() => {}) : { outcome: 'done' }))
  await pass(2_900)
  expect(asked.map(({ topic }) => topic)).toEqual(['0', '1', '2', '3'])
  await pass(300)
  expect(asked.slice(4, 6).map(({ topic }) => topic)).toEqual(['4', '5'])
  expect((await store.list({ limit: 9 })).map(({ topic }) => topic).sort()).toEqual(['0', '1', '2', '3'])
})

it('too many are given up although there is always one more that is due', async () => {
  const { clock, add, employ, pass, store } = setUp({ most: 10 })
  let added = 0
  const { asked } = employ(async () => {
    await add(`more ${added++}`)
    await new Promise<void>((resolve) => clock.after(1_000, resolve))
    return { outcome: 'done' }
  })
  await pass(100)
  for (let n = 0; n < 20; n++) await add(`${n}`)
  await pass(130_000, 500)
  expect(asked.length).toBeGreaterThan(100)
  // And those that are under way.
  expect((await store.list({ limit: 99 })).length).toBeLessThanOrEqual(14)
})

it('what is under way is not given up for its age, but for what comes of it', async () => {
  const { clock, add, employ, pass, store } = setUp({ giveUpMs: 1_000 })
  await add('one')
  employ(() => new Promise((resolve) => void clock.after(5_000, () => resolve({ outcome: 'done' }))))
  await pass(2_000)
  // Begins by looking for what is too old.
  employ(() => ({ outcome: 'done' }))
  await pass(4_000)
  expect([await store.list({ limit: 9 }), await store.dead({ limit: 9 })]).toEqual([[], []])
})

it('a stop waits for every delivery that is under way, although the outcome of another could not be written', async () => {
  const { clock, store, add, employ, pass } = setUp()
  const { finish } = store
  store.finish = async (claimed, done) => {
    if (claimed.topic === 'one') throw new MeshError('UNAVAILABLE')
    return finish(claimed, done)
  }
  for (const topic of ['one', 'two']) await add(topic)
  const { courier } = employ(
    ({ topic }) =>
      new Promise((resolve) => void clock.after(topic === 'one' ? 100 : 1_000, () => resolve({ outcome: 'done' }))),
  )
  await pass(500)
  let isClosed = false
  void courier.close().then(() => (isClosed = true))
  await pass(200)
  expect(isClosed).toBe(false)
  await pass(1_000)
  expect(isClosed).toBe(true)
  expect((await store.list({ limit: 9 })).map(({ topic }) => topic)).toEqual(['one'])
})

it('a delivery whose courier is gone is taken over once its claim has run out, and ends once', async () => {
  const { add, employ, pass, store } = setUp({ claimMs: 3_000 })
  await add('one')
  const first = employ(() => new Promise<never>(() => {}))
  await pass(100)
  const second = employ(() => ({ outcome: 'done' }))
  await pass(2_800)
  expect([first.asked.length, second.asked.length]).toEqual([1, 0])
  await pass(300)
  expect([first.asked.length, second.asked.length]).toEqual([1, 1])
  expect(await store.list({ limit: 9 })).toEqual([])
})

it('a service that asks for days is asked again within an hour or so', async () => {
  const { add, employ, pass } = setUp({ breaker: never })
  await add('one')
  const { asked } = employ(() => later({ retry_after_ms: 1e9 }))
  await pass(3_599_000, 1_000)
  expect(asked).toHaveLength(1)
  await pass(3_000, 1_000)
  expect(asked).toHaveLength(2)
})

describe('the breaker', () => {
  const breaker = { failures: 3, pauseMs: 60_000 }
  const retryMs = { first: 1, longest: 1 }

  it('lets one of many find out whether the service is well again', async () => {
    // As many as are under way at once: exactly so many have failed when it is left alone.
    const { add, employ, pass } = setUp({ breaker: { ...breaker, failures: 4 }, retryMs })
    for (let n = 0; n < 9; n++) await add(`${n}`)
    const { asked } = employ(() => later())
    await pass(50_000, 1_000)
    const before = asked.length
    await pass(12_000, 1_000)
    expect(asked).toHaveLength(before + 1)
  })

  it('takes a refusal for an answer', async () => {
    const { add, employ, pass } = setUp({ breaker })
    const { courier, asked } = employ(({ topic }) =>
      topic === 'refused' ? { outcome: 'refused', reason: 'x' } : later(),
    )
    for (const topic of ['one', 'two', 'refused', 'three', 'four']) {
      await add(topic)
      await pass(50)
    }
    expect(asked.slice(0, 5).map(({ topic }) => topic)).toEqual(['one', 'two', 'refused', 'three', 'four'])
    expect(courier.isPaused).toBe(false)
  })

  it('counts what was not taken after some that was', async () => {
    const { add, employ, pass } = setUp({ breaker: { failures: 1, pauseMs: 60_000 } })
    await add('one')
    const { courier } = employ(() => ({
      outcome: 'done',
      count: 0,
      failed: { outcome: 'later', reason: 'status 500' },
    }))
    await pass(50)
    expect(courier.isPaused).toBe(true)
  })
})

it('an outbox that cannot be read is said once, and again only after it could', async () => {
  const said: string[] = []
  const logger = { ...silentLogger, warn: (_: object, text: string) => void said.push(text) }
  const { store, employ, pass } = setUp({}, logger)
  const { next } = store
  const away = async () => {
    throw new MeshError('UNAVAILABLE')
  }
  employ(() => ({ outcome: 'done' }))
  for (const then of [away, next, away]) {
    store.next = then
    await pass(500)
  }
  expect(said).toEqual(Array(2).fill('deliveries wait: the outbox cannot be read'))
})

it('a courier that was stopped begins nothing more, and leaves no timer behind', async () => {
  const { clock, add, employ, pass } = setUp()
  for (let n = 0; n < 9; n++) await add(`${n}`)
  const { courier, asked } = employ(
    () => new Promise((resolve) => void clock.after(1_000, () => resolve({ outcome: 'done' }))),
  )
  await pass(500)
  const closed = courier.close()
  await pass(5_000)
  await closed
  expect([asked.length, clock.timers]).toEqual([4, 0])
})
