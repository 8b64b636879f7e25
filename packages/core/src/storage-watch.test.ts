import { expect, it } from 'vitest'
import { MeshError } from './errors.ts'
import { createMemoryStorage } from './memory/storage.ts'
import { createWorld, grant, newRtcId, sdpOf, settle } from './testing/kit.ts'

const away = () => Promise.reject(new MeshError('UNAVAILABLE'))

it.each([
  ['is away', away],
  ['does not answer at all', (over: Promise<void>) => over.then(away)],
])('while the storage %s no capability is granted, and those there are hold for 10 s', async (_what, look) => {
  const storage = createMemoryStorage()
  const w = await createWorld({ storage })
  const [a, b] = [await w.enter(w.ann), await w.enter(w.bob)]
  const cap_token = await grant(a, w.room, ['call'])
  const offer = () => ({ rtc_id: newRtcId(), room_id: w.room, purpose: 'call', sdp: sdpOf(), cap_token })
  const call = async () => {
    const { rtc_id, ...rest } = offer()
    const id = a.send('rtc.offer', b.peer_id, { rtc_id, ...rest })
    await settle(a, b)
    if (b.frames.some(({ payload }) => payload.rtc_id === rtc_id)) return 'rings'
    return a.frames.find(({ reply_to }) => reply_to === id)?.code
  }
  const pass = async (seconds: number) => {
    for (let n = 0; n < seconds; n++) {
      w.clock.advance(1_000)
      await settle(a, b)
    }
  }
  const { events, rooms } = storage
  const [{ list }, { find }] = [{ ...events }, { ...rooms }]
  const over = Promise.withResolvers<void>()
  await pass(1)
  Object.assign(events, { list: away })
  Object.assign(rooms, { find: () => look(over.promise) })
  const wanted = { room_id: w.room, caps: ['call'] }
  expect((await a.ask('capability.request', 'server', wanted)).code).toBe('UNAVAILABLE')
  await pass(10)
  expect(await call()).toBe('rings')
  await pass(1)
  expect(await call()).toBe('UNAVAILABLE')
  Object.assign(events, { list })
  Object.assign(rooms, { find })
  over.resolve()
  await settle(a, b)
  await pass(1)
  expect(await call()).toBe('rings')
  expect((await a.ask('capability.request', 'server', wanted)).type).toBe('capability.granted')
})
