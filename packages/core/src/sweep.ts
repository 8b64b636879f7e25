import { createAccessWatch } from './access-watch.ts'
import type { Cluster } from './cluster/cluster.ts'
import type { Door } from './door.ts'
import type { Hub } from './hub.ts'
import type { LastSeen } from './last-seen.ts'
import type { Limits } from './limits.ts'
import type { Bus, Clock, Logger, Storage } from './ports/index.ts'
import type { StorageWatch } from './storage-watch.ts'

/** How often it is noted which devices are here, in seconds. */
const seenEveryS = 60
/** How often it is looked up who may still be connected while other nodes are not heard, in seconds. */
const blindRevocationsS = 5
/** How often rooms are looked up while other nodes are not heard, in seconds. */
const blindCheckS = 2

/**
 * What is done about once a second, all of it in one sweep over all connections: that costs less than a timer for each.
 * Among it is whatever word of other nodes may have been missed: it is looked up in the storage. Returns its end.
 */
export function startSweep(options: {
  clock: Clock
  limits: Limits
  bus: Bus
  /** Whether there may be other nodes at all. */
  isShared: boolean
  cluster: Cluster
  hub: Hub
  door: Door
  storage: Storage
  storageWatch: StorageWatch
  lastSeen: LastSeen
  logger: Logger
}): () => void {
  const { clock, limits, bus, isShared, cluster, hub, door, storageWatch, lastSeen } = options
  const accessWatch = createAccessWatch({ ...options, sessions: door.sessions })
  let ticks = 0
  let outages = bus.outages
  let hasMissed = false
  const unsubscribe = bus.subscribe('missed', () => void (hasMissed = true))
  let stopTicking = clock.after(1000, tick)

  function tick(): void {
    door.tick()
    cluster.tick()
    storageWatch.tick()
    ticks++
    lookUpWhatWasMissed()
    if (ticks % seenEveryS === 0) for (const connection of door.connections) lastSeen.note(connection.device_id)
    void lastSeen.flush()
    stopTicking = clock.after(1000, tick)
  }

  function lookUpWhatWasMissed(): void {
    // Of whom nothing is heard, looking is the only way to learn what they stored; once more when the bus is back.
    const { isBlind } = cluster
    const every = isBlind ? blindCheckS : limits.position_check_s
    const isBack = bus.isUp && bus.outages !== outages
    if (isBack) {
      outages = bus.outages
      // What was on its way from here may be lost as well, and those who heard all along do not know.
      bus.publish('missed', '')
    }
    const isDue = isBack || hasMissed
    hasMissed = false
    if (isDue || ticks % every === 0) for (const room_id of hub.rooms.keys()) void hub.check(room_id)
    // A word that was lost is lost for good, so revocations are looked up now and then at any rate.
    const lookEvery = isBlind ? blindRevocationsS : limits.position_check_s
    accessWatch.tick(isDue || (isShared && ticks % lookEvery === 0))
  }

  return () => {
    stopTicking()
    unsubscribe()
  }
}
