import { test } from 'vitest'
import { busContract } from '../testing/bus-contract.ts'
import { createMemoryBusLine } from './bus.ts'

for (const { name, run } of busContract) {
  test(name, () => {
    const line = createMemoryBusLine()
    return run({ connect: async () => line.connect(), cut: line.cut, tellsUnheard: true })
  })
}
