import { Counter, Gauge, Histogram, type Registry } from 'prom-client'
import type { MeshServer } from '../mesh-server.ts'
import { families, type Family, type Source } from './families.ts'

/**
 * Puts what can be known of a Mesh into a registry of prom-client. Everything is read when the registry is, and costs nobody
 * anything in between.
 */
export function registerMetrics(server: MeshServer, registry: Registry): void {
  let latest: Source | undefined
  // All metrics of one reading are of the same moment, and the peers are looked at once.
  const source = (): Source => {
    if (!latest) queueMicrotask(() => (latest = undefined))
    return (latest ??= { stats: server.engine.stats(), server })
  }
  for (const family of families) register(family, registry, source)
}

function register({ name, type, help, labels, read }: Family, registry: Registry, source: () => Source): void {
  const options = { name, help, labelNames: labels, registers: [] }
  if (type === 'gauge') {
    const collect = function (this: Gauge) {
      this.reset()
      for (const [values, value] of read(source())) this.set(values, value)
    }
    return registry.registerMetric(new Gauge({ ...options, collect }))
  }
  const collect = function (this: Counter) {
    this.reset()
    for (const [values, value] of read(source())) this.inc(values, value)
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
