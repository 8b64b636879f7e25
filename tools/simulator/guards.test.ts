import { readFileSync } from 'node:fs'
import { expect, it } from 'vitest'
import { guards, takeOut } from './guards.ts'

const sources = new URL('../../packages/core/src/', import.meta.url)

// Whoever moves a guard sees it here at once, and not only when somebody tries by hand what the simulator misses.
it.each(guards)('The simulator can be tried without: $name', (guard) => {
  const text = readFileSync(new URL(guard.file, sources), 'utf8')
  expect(takeOut(guard, text)).not.toBe(text)
})
