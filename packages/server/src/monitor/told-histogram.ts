import { durationBounds, type Durations } from '@mesh/core'
import { Histogram, type MetricObjectWithValues, type MetricValueWithName } from 'prom-client'

type Labels = Readonly<Record<string, string>>
type Read = () => Promise<Iterable<readonly [labels: Labels, took: Durations]>>

/** A histogram of prom-client's whose counts are made elsewhere, and read when it is. */
export class ToldHistogram extends Histogram {
  /** All but the values. */
  readonly #empty: Histogram
  readonly #name: string
  readonly #read: Read

  constructor({ name, help, labels }: { name: string; help: string; labels: readonly string[] }, read: Read) {
    const configuration = { name, help, labelNames: labels, registers: [], buckets: [...durationBounds] }
    super(configuration)
    this.#empty = new Histogram(configuration)
    this.#name = name
    this.#read = read
  }

  override async get(): Promise<MetricObjectWithValues<MetricValueWithName<string>>> {
    const values = [...(await this.#read())].flatMap(([labels, took]) => this.#valuesOf(labels, took))
    return { ...(await this.#empty.get()), values }
  }

  /** The registry asks for this in the place of {@link get} where there is one, and of a histogram there is. */
  getForPromString(): Promise<MetricObjectWithValues<MetricValueWithName<string>>> {
    return this.get()
  }

  #valuesOf(labels: Labels, { counts, sum }: Durations): MetricValueWithName<string>[] {
    const name = this.#name
    let upTo = 0
    const buckets = counts.map((count, at) => {
      upTo += count
      return { labels: { ...labels, le: durationBounds[at] ?? '+Inf' }, value: upTo, metricName: `${name}_bucket` }
    })
    return [
      ...buckets,
      { labels: { ...labels }, value: sum, metricName: `${name}_sum` },
      { labels: { ...labels }, value: upTo, metricName: `${name}_count` },
    ]
  }
}
