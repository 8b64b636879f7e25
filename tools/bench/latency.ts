// How long one frame is on its way: to a client of the same node, and to one of the other.
import { once } from 'node:events'
import { setTimeout as sleep } from 'node:timers/promises'
import { quantile } from './servers.ts'
import { single, type Pair } from './traffic.ts'

/** How many frames are timed on each way. */
const timed = 1_500
const warmUps = 300

/** Ways between two clients, each by its name. */
type Ways = Record<string, Pair>

/** Sends frames from the first of each pair to the second, one at a time, on each way in turn. Returns milliseconds. */
async function time(ways: Ways): Promise<Map<string, number[]>> {
  const times = new Map(Object.keys(ways).map((name) => [name, [] as number[]]))
  for (let i = 0; i < warmUps + timed; i++) {
    for (const [name, pair] of Object.entries(ways)) {
      await sleep(1)
      const frame = single.write({ ...pair, to: pair.to.id })
      const arrival = once(pair.to.socket, 'message')
      const sentAt = performance.now()
      pair.from.send(frame)
      await arrival
      if (i >= warmUps) times.get(name)?.push(performance.now() - sentAt)
    }
  }
  return times
}

/** Says for each system what another node adds. */
export async function latency(systems: Record<string, { same: Pair; other: Pair }>): Promise<string[]> {
  const entries = Object.entries(systems)
  const times = await time(
    Object.fromEntries(
      entries.flatMap(([name, { same, other }]) => [
        [`${name} same`, same],
        [`${name} other`, other],
      ]),
    ),
  )
  const at = (way: string, share: number) => quantile(times.get(way) ?? [], share)
  const ms = (value: number) => value.toFixed(2)
  return entries.map(([name]) => {
    const [same, other] = [`${name} same`, `${name} other`]
    const [p50, p99] = [0.5, 0.99].map((share) => [at(same, share), at(other, share)] as const)
    if (!p50 || !p99) throw new Error('nothing was timed')
    return `a frame on its way by ${name}: same node p50 ${ms(p50[0])} ms, p99 ${ms(p99[0])} ms; other node p50 ${ms(p50[1])} ms, p99 ${ms(p99[1])} ms; added ${ms(p50[1] - p50[0])} and ${ms(p99[1] - p99[0])} ms`
  })
}
