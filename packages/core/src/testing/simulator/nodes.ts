import type { Clock } from '../../ports/index.ts'
import type { World } from './world.ts'

/** One life of one node: from its start to its crash or stop. */
export interface NodeLife {
  /** Which node and which of its lives, e.g. `n0.2`. */
  readonly name: string
  readonly clock: Clock
  readonly isUp: boolean
  /** Whether neither its messages reach the bus nor the bus's it. */
  isCutOff: boolean
  /** How often it was. */
  outages: number
  /** Runs what reaches the node from outside: at once, when it is no longer paused, or never when it is dead. */
  deliver(run: () => void): void
  /** Stops everything inside for a while, as SIGSTOP does; what arrives meanwhile waits. */
  pause(ms: number): void
  /** Dies: nothing inside runs any more. */
  end(): void
  /** Hears of the end. */
  onEnd(hear: () => void): void
}

/** @see NodeLife. `offset` is how far its wall clock is from the right time, in milliseconds. */
export function createNodeLife(world: World, name: string, offset: () => number): NodeLife {
  const startedAt = world.clock.monotonic()
  const waiting: (() => void)[] = []
  const hearers: (() => void)[] = []
  let isUp = true
  let isPaused = false
  let resumesAt = 0

  function guarded(run: () => void): void {
    try {
      run()
    } catch (error) {
      world.record({ kind: 'broken', node: name, what: `threw ${String(error)}` })
    }
  }

  /** One after the other, each with all that follows from it, and nothing overtakes what waited. */
  function goOn(): void {
    if (!isUp || world.clock.monotonic() < resumesAt) return
    const run = waiting.shift()
    if (!run) return void (isPaused = false)
    guarded(run)
    world.clock.after(0, goOn)
  }

  const node: NodeLife = {
    name,
    get isUp() {
      return isUp
    },
    isCutOff: false,
    outages: 0,
    clock: {
      now: () => Math.floor(world.clock.now() + offset()),
      monotonic: () => world.clock.monotonic() - startedAt,
      after(ms, run) {
        let isTakenBack = false
        const takeBack = world.clock.after(ms, () => node.deliver(() => isTakenBack || run()))
        return () => {
          isTakenBack = true
          takeBack()
        }
      },
    },
    deliver(run) {
      if (!isUp) return
      if (isPaused) waiting.push(run)
      else guarded(run)
    },
    pause(ms) {
      isPaused = true
      resumesAt = world.clock.monotonic() + ms
      world.clock.after(ms, goOn)
    },
    end() {
      if (!isUp) return
      isUp = false
      for (const hear of hearers) hear()
    },
    onEnd: (hear) => void hearers.push(hear),
  }
  return node
}
