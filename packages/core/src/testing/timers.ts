/** What waits for its time, in the order of time; of two that are due together the older one comes first. */
export interface Timers {
  /** Adds what is to run at `due`; the returned function takes it back. */
  add(due: number, run: () => void): () => void
  /** Takes out the earliest if it is due by then. */
  take(until: number): { due: number; run: () => void } | undefined
  readonly size: number
}

interface Timer {
  due: number
  order: number
  run: (() => void) | undefined
}

/** A binary heap, so that thousands of timers cost little; what was taken back is skipped when its turn comes. */
export function createTimers(): Timers {
  const heap: Timer[] = []
  let added = 0
  let size = 0

  const isBefore = (a: Timer, b: Timer) => a.due < b.due || (a.due === b.due && a.order < b.order)

  function rise(timer: Timer): void {
    let at = heap.push(timer) - 1
    while (at > 0) {
      const above = (at - 1) >> 1
      const parent = heap[above] as Timer
      if (!isBefore(timer, parent)) break
      heap[at] = parent
      at = above
    }
    heap[at] = timer
  }

  function removeFirst(): void {
    const last = heap.pop() as Timer
    if (heap.length === 0) return
    let at = 0
    for (;;) {
      let below = 2 * at + 1
      if (below >= heap.length) break
      if (below + 1 < heap.length && isBefore(heap[below + 1] as Timer, heap[below] as Timer)) below++
      const child = heap[below] as Timer
      if (!isBefore(child, last)) break
      heap[at] = child
      at = below
    }
    heap[at] = last
  }

  return {
    add(due, run) {
      const timer: Timer = { due, order: added++, run }
      rise(timer)
      size++
      return () => {
        if (timer.run) size--
        timer.run = undefined
      }
    },
    take(until) {
      for (let first = heap[0]; first && first.due <= until; first = heap[0]) {
        removeFirst()
        const { due, run } = first
        if (!run) continue
        first.run = undefined
        size--
        return { due, run }
      }
      return undefined
    },
    get size() {
      return size
    },
  }
}
