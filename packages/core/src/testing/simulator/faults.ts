import type { Client } from './client.ts'
import type { Cluster } from './cluster.ts'
import type { World } from './world.ts'

/** Breaks things, of the kinds that the plan allows, for as long as the run is restless. */
export function breakThings(world: World, cluster: Cluster, clients: readonly Client[]): void {
  const { random, record, plan } = world

  function node() {
    return random.pick(cluster.places.filter((candidate) => candidate !== undefined))
  }

  const acts = {
    loss: () => random.pick(clients)?.line?.lose(),
    half_open: () => random.pick(clients)?.line?.freeze(random.between(100, 6_000)),
    slow_reader: () => random.pick(clients)?.line?.stall(random.between(100, 4_000)),
    pause: () => node()?.pause(random.between(50, 4_000)),
    crash() {
      const place = random.below(cluster.places.length)
      cluster.crash(place)
      restart(place)
    },
    stop() {
      const place = random.below(cluster.places.length)
      const leaving = cluster.places[place]
      if (!leaving) return
      leaving.deliver(() => {
        void leaving.mesh
          .drain(300)
          .then(() => leaving.mesh.close())
          .then(() =>
            world.soon(200, () => cluster.places[place] === leaving && (cluster.crash(place), restart(place))),
          )
      })
    },
    bus_cut() {
      const cut = node()
      if (!cut) return
      cut.isCutOff = true
      cut.outages++
      world.soon(4_000, () => void (cut.isCutOff = false))
    },
    clock_jump() {
      const place = random.below(cluster.places.length)
      cluster.setClock(place, random.pick([0, 0, 15_000, 15_000, -15_000, -15_000, 75_000, -75_000]) ?? 0)
    },
  }

  function restart(place: number): void {
    world.soon(2_000, () => cluster.places[place] ?? cluster.start(place))
  }

  const possible = Object.entries(acts).filter(([name]) => plan.faults.has(name as keyof typeof acts))

  function act(): void {
    if (!world.isRestless) return
    const [fault, strike] = random.pick(possible) ?? []
    if (fault === undefined || !strike) return
    record({ kind: 'fault', fault })
    strike()
    world.soon(plan.pace * 3, act)
  }
  world.soon(plan.pace * 3, act)
}
