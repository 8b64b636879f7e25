import { isMeshError, MeshError } from '@mesh/core/errors'

/** Lets work run side by side, and that of one lane one after the other. */
export interface Lanes<Item, Result> {
  /**
   * Adds an item to a lane, or to none where nothing has to come before or after it.
   * @throws MeshError UNAVAILABLE where too many wait, or it waited too long; and whatever doing it throws
   */
  add(lane: string | undefined, item: Item): Promise<Result>
  /** Resolves when nothing runs or waits. */
  idle(): Promise<void>
}

/** How much runs and waits, and how it is done. */
export interface LaneSettings<Item, Result> {
  /** At most this many groups are done at once, */
  width: number
  /** each of at most this many items, which waited in one lane. */
  groupItems: number
  /** At most this many items are done or wait. */
  maxPending: number
  /** An item that waited longer, in milliseconds, is not begun. */
  waitMs: number
  /** Does all of a group or nothing of it. */
  perform(group: Item[]): Promise<Result[]>
}

interface Waiting<Item, Result> {
  item: Item
  /** When it came, on the monotonic clock. */
  since: number
  resolve(result: Result): void
  reject(error: unknown): void
}

/** @see Lanes */
export function createLanes<Item, Result>(settings: LaneSettings<Item, Result>): Lanes<Item, Result> {
  const { width, groupItems, maxPending, waitMs, perform } = settings
  /** What waits in each lane; the lane is there while something of it runs or waits. */
  const lanes = new Map<string | symbol, Waiting<Item, Result>[]>()
  /** Lanes of which nothing runs. */
  const ready: (string | symbol)[] = []
  const watchers: (() => void)[] = []
  let pending = 0
  let running = 0

  function start(): void {
    while (running < width) {
      const lane = ready.shift()
      if (lane === undefined) return
      running += 1
      void work(lane)
    }
  }

  /** One group of a lane; then it is the turn of others. */
  async function work(lane: string | symbol): Promise<void> {
    const group = lanes.get(lane)?.splice(0, groupItems) ?? []
    await settle(group)
    running -= 1
    pending -= group.length
    if (lanes.get(lane)?.length) ready.push(lane)
    else lanes.delete(lane)
    start()
    if (pending === 0) for (const wake of watchers.splice(0)) wake()
  }

  async function settle(group: Waiting<Item, Result>[]): Promise<void> {
    const begun = performance.now()
    const late = group.filter(({ since }) => begun - since > waitMs)
    for (const { reject } of late) reject(new MeshError('UNAVAILABLE', 'The database does not keep up'))
    const rest = group.filter((waiting) => !late.includes(waiting))
    if (rest.length === 0) return
    try {
      const results = await perform(rest.map(({ item }) => item))
      // There are as many results as items, in the same order.
      for (const [index, { resolve }] of rest.entries()) resolve(results[index] as Result)
    } catch (error) {
      if (rest.length === 1 || (isMeshError(error) && error.code === 'UNAVAILABLE'))
        for (const { reject } of rest) reject(error)
      // One of them is at fault, and was the undoing of the others.
      else for (const waiting of rest) await settle([{ ...waiting, since: performance.now() }])
    }
  }

  return {
    add: (name, item) =>
      new Promise((resolve, reject) => {
        const lane = name ?? Symbol('of its own')
        if (pending >= maxPending) return reject(new MeshError('UNAVAILABLE', 'Too many writes are waiting'))
        pending += 1
        const waiting = { item, since: performance.now(), resolve, reject }
        const before = lanes.get(lane)
        if (before) before.push(waiting)
        else {
          lanes.set(lane, [waiting])
          ready.push(lane)
          start()
        }
      }),
    async idle() {
      if (pending > 0) await new Promise<void>((resolve) => watchers.push(resolve))
    },
  }
}
