import fc from 'fast-check'
import { expect, test } from 'vitest'
import { createTimers } from './timers.ts'

test('Timers come in the order of their time, then of their age, whatever was taken back', () => {
  fc.assert(
    fc.property(fc.array(fc.record({ due: fc.nat(9), isKept: fc.boolean() })), (list) => {
      const timers = createTimers()
      const ran: number[] = []
      const takeBack = list.map(({ due }, index) => timers.add(due, () => ran.push(index)))
      list.forEach(({ isKept }, index) => isKept || takeBack[index]?.())
      const kept = list.map((timer, index) => ({ ...timer, index })).filter(({ isKept }) => isKept)
      expect(timers.size).toBe(kept.length)
      for (let next = timers.take(9); next; next = timers.take(9)) next.run()
      expect(ran).toEqual(kept.toSorted((a, b) => a.due - b.due || a.index - b.index).map(({ index }) => index))
      expect(timers.size).toBe(0)
    }),
  )
})

test('What is not due yet stays', () => {
  const timers = createTimers()
  timers.add(5, () => {})
  expect(timers.take(4)).toBeUndefined()
  expect(timers.take(5)?.due).toBe(5)
})
