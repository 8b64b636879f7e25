import { setTimeout as sleep } from 'node:timers/promises'
import { Counter, Gauge, Histogram, type Registry } from 'prom-client'
import type { MeshServer } from '../mesh-server.ts'
import { families, type Family, type Source } from './families.ts'
import { ToldHistogram } from './told-histogram.ts'

/** How long a reading waits for the storage, in milliseconds: one that is away is a reason to look, not to see nothing. */
const backlogMs = 1_000

/**
 * Puts what can be known of a Mesh into a registry of prom-client. Everything is read when the registry is, and costs nobody
 * anything in between.
 */
export function registerMetrics(server: MeshServer, registry: Registry): void {
  let latest: Promise<Source> | undefined
  // All metrics of one reading are of the same moment, and the peers are looked at once.
  const source = (): Promise<Source> => {
    latest ??= read(server).finally(() => (latest = undefined))
    return latest
  }
  for (const family of families) register(family, registry, source)
}

async function read(server: MeshServer): Promise<Source> {
  const backlog = server.storage.deliveries.backlog().catch(() => undefined)
  const answered = await Promise.race([backlog, sleep(backlogMs, undefined, { ref: false })])
  return { stats: server.engine.stats(), server, backlog: answered }
}

function register(family: Family, registry: Registry, source: () => Promise<Source>): void {
  const { name, help, labels } = family
  if (family.type === 'histogram') {
    return registry.registerMetric(new ToldHistogram(family, async () => family.read(await source())))
  }
  const options = { name, help, labelNames: labels, registers: [] }
  if (family.type === 'gauge') {
    const collect = async function (this: Gauge) {
      const values = family.read(await source())
      this.reset()
      for (const [of, value] of values) this.set(of, value)
    }
    return registry.registerMetric(new Gauge({ ...options, collect }))
  }
  const collect = async function (this: Counter) {
    const values = family.read(await source())
    this.reset()
    for (const [of, value] of values) this.inc(of, value)
  }
  registry.registerMetric(new Counter({ ...options, collect }))
}

/** What measures the storage: how long each operation takes, and how many are under way. */
export const storageFamilies = {
  duration: {
    name: 'mesh_db_query_duration_seconds',
    type: 'histogram',
    labels: ['operation'],
    help: 'How long operations of the storage take, waiting included.',
  },
  pending: {
    name: 'mesh_db_pending',
    type: 'gauge',
    labels: [],
    help: 'Operations of the storage under way.',
  },
} as const

/** Begins to measure an operation; what it returns ends that. */
export type Stopwatch = (operation: string) => () => void

/** Makes the stopwatch that {@link storageFamilies} are read from. */
export function createStopwatch(registry: Registry): Stopwatch {
  const { duration, pending } = storageFamilies
  const registers = [registry]
  const running = new Gauge({ name: pending.name, help: pending.help, registers })
  const times = new Histogram({
    name: duration.name,
    help: duration.help,
    labelNames: duration.labels,
    buckets: [0.001, 0.005, 0.02, 0.1, 0.5, 2, 5],
    registers,
  })
  return (operation) => {
    const end = times.startTimer({ operation })
    running.inc()
    return () => {
      running.dec()
      end()
    }
  }
}
