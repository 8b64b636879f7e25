import { MeshError } from '@mesh/core/errors'

/** Lets tasks run side by side, and those of one lane one after the other. */
export interface Lanes {
  /** Runs a task when its turn has come. @throws MeshError UNAVAILABLE where too many wait, or it waited too long */
  run<T>(lane: string | undefined, task: () => Promise<T>): Promise<T>
  /** Resolves when nothing runs or waits. */
  idle(): Promise<void>
}

interface Task {
  lane: string | undefined
  /** When it came, on the monotonic clock. */
  since: number
  run(late: boolean): Promise<void>
}

/** At most `width` tasks run at once and `maxPending` run or wait; none starts after `waitMs` milliseconds. */
export function createLanes({
  width,
  maxPending,
  waitMs,
}: {
  width: number
  maxPending: number
  waitMs: number
}): Lanes {
  const ready: Task[] = []
  /** Lanes with a task that runs or is ready, and what waits behind it. */
  const busy = new Map<string, Task[]>()
  const waiters: (() => void)[] = []
  let pending = 0
  let running = 0

  function add(task: Task): void {
    pending += 1
    const behind = task.lane === undefined ? undefined : busy.get(task.lane)
    if (behind) {
      behind.push(task)
      return
    }
    if (task.lane !== undefined) busy.set(task.lane, [])
    ready.push(task)
    start()
  }

  function start(): void {
    while (running < width) {
      const task = ready.shift()
      if (!task) return
      running += 1
      void task.run(performance.now() - task.since > waitMs).then(() => finish(task))
    }
  }

  function finish({ lane }: Task): void {
    running -= 1
    pending -= 1
    if (lane !== undefined) {
      const next = busy.get(lane)?.shift()
      if (next) ready.push(next)
      else busy.delete(lane)
    }
    start()
    if (pending === 0) for (const wake of waiters.splice(0)) wake()
  }

  return {
    run: (lane, task) =>
      new Promise((resolve, reject) => {
        if (pending >= maxPending) return reject(new MeshError('UNAVAILABLE', 'Too many writes are waiting'))
        add({
          lane,
          since: performance.now(),
          run: (late) =>
            late
              ? Promise.resolve(reject(new MeshError('UNAVAILABLE', 'The database does not keep up')))
              : task().then(resolve, reject),
        })
      }),
    async idle() {
      if (pending > 0) await new Promise<void>((resolve) => waiters.push(resolve))
    },
  }
}
