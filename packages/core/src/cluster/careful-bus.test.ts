import { expect, it } from 'vitest'
import { createMemoryBus } from '../memory/bus.ts'
import { silentLogger, type Bus } from '../ports/index.ts'
import { createWorld, heard, settle } from '../testing/kit.ts'

const garbage = [
  '',
  '{',
  'null',
  '[]',
  '7',
  '"text"',
  '{}',
  '{}\n',
  '{"kind":"frame"}\n',
  '{"kind":"all"}',
  'null\nnull',
]

it('a message that cannot be understood harms nobody, whatever it is about, and the log says so', async () => {
  const listeners = new Map<string, (message: string) => void>()
  const bus: Bus = { ...createMemoryBus(), subscribe: (topic, hear) => (listeners.set(topic, hear), () => {}) }
  const warnings: string[] = []
  const logger = { ...silentLogger, warn: (_: object, message: string) => void warnings.push(message) }
  const w = await createWorld({ bus, logger })
  const [a, b] = [await w.enter(w.ann), await w.enter(w.bob)]
  expect(listeners.size).toBeGreaterThan(5)
  for (const hear of listeners.values()) for (const message of garbage) expect(() => hear(message)).not.toThrow()
  expect(new Set(warnings)).toEqual(new Set(['a message of another node was not understood']))
  await a.ask('chat.message.send', w.room, { text: 'still here' })
  await settle(b)
  expect(heard(b)).toContain('chat.message.created')
})

it('an event that was never stored keeps nobody out and is forgotten', async () => {
  const listeners = new Map<string, (message: string) => void>()
  const bus: Bus = { ...createMemoryBus(), subscribe: (topic, hear) => (listeners.set(topic, hear), () => {}) }
  const w = await createWorld({ bus })
  const a = await w.enter(w.ann)
  const event = { room_id: w.room, seq: 1e9, type: 'chat.message.created', from: 'server', at: 0, payload: {} }
  listeners.get('events')?.(JSON.stringify({ ...event, id: '0b7d5a2e-1111-4222-8333-444455556666' }))
  const b = await w.connect(w.bob)
  expect((await b.ask('room.join', w.room, {})).code).toBe('UNAVAILABLE')
  w.clock.advance(200)
  await settle(a)
  expect((await b.ask('room.join', w.room, {})).type).toBe('room.joined')
})
