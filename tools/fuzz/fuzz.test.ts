import { clientEvents } from '@mesh/core'
import { expect, it } from 'vitest'
import { fuzz } from './fuzz.ts'

it('A server takes any nonsense, and nobody else notices', { timeout: 120_000 }, async () => {
  const { faults, messages, raw, rest, memory, innocents, brakes } = await fuzz({
    messages: 20_000,
    raw: 5_000,
    rest: 2_000,
    seed: 1,
  })
  expect(faults).toEqual([])
  expect(messages.sent).toBeGreaterThanOrEqual(20_000)
  expect(raw.attacks).toBeGreaterThanOrEqual(5_000)
  expect(rest.sent).toBeGreaterThanOrEqual(2_000)
  expect(memory.after.peers).toBe(2)
  // Every event there is got through to what decides on it.
  const judged = [...messages.tally].filter(([, outcomes]) =>
    [...outcomes.keys()].some((code) => code !== 'BAD_MESSAGE'),
  )
  expect(new Set(judged.map(([type]) => type))).toEqual(
    new Set(Object.keys(clientEvents).filter((type) => type !== 'system.hello')),
  )
  for (const { signals, messages, requests } of [innocents, brakes.innocents]) {
    for (const times of [signals, messages, requests]) expect(times.length).toBeGreaterThan(0)
  }
})
