import { expect, it } from 'vitest'
import { quantile, slowReaders } from './slow-readers.ts'

const audience = Number(process.env.MESH_SLOW_READERS ?? 25)
const rounds = Number(process.env.MESH_ROUNDS ?? 2)
// Some four megabytes vanish in the kernel's buffers before a slow reader shows.
const seconds = Number(process.env.MESH_SECONDS ?? 5)
const perSecond = 1_500 / seconds

it(`${audience} people who do not read cost the others nothing`, { timeout: 60_000 + rounds * 60_000 }, async () => {
  const { reading, deaf, memory, stalls, cut, faults } = await slowReaders({ audience, rounds, seconds, perSecond })
  const [without, beside] = [quantile(reading, 0.99), quantile(deaf, 0.99)]
  const mib = (bytes: number) => (bytes / 2 ** 20).toFixed(1)
  console.log(
    `${audience} in the audience, ${rounds} rounds: p99 ${without.toFixed(1)} ms where they read, ${beside.toFixed(1)} ms where not ` +
      `(median ${quantile(reading, 0.5).toFixed(1)} and ${quantile(deaf, 0.5).toFixed(1)}); ${cut} cut; ` +
      `longest stalls of the server ${stalls.reading.map(Math.round).join(', ')} and ${stalls.deaf.map(Math.round).join(', ')} ms; ` +
      `heap ${mib(memory.before.heap)} MiB before and ${mib(memory.most.heap)} MiB at most, rss ${mib(memory.before.rss)} and ${mib(memory.most.rss)} MiB`,
  )
  expect(faults).toEqual([])
  expect(cut).toBe(audience * rounds)
  // What one of them may hold back at most, with what the others need.
  expect(memory.most.heap - memory.before.heap).toBeLessThan(audience * 2 ** 20 + 16 * 2 ** 20)
  // A machine that runs other tests as well stalls for so long even in the best of rounds; on a quiet one set it to 0.
  const noiseMs = Number(process.env.MESH_NOISE_MS ?? 100)
  expect(beside).toBeLessThanOrEqual(1.2 * without + noiseMs)
})
