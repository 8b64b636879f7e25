import type { Role } from '../../acl.ts'
import { goneMs } from '../../cluster/gossip.ts'
import type { Storage } from '../../ports/index.ts'
import { actOn } from './acts.ts'
import { administer } from './administrator.ts'
import { createClient, type Client, type Identity } from './client.ts'
import { createCluster, type Cluster } from './cluster.ts'
import { breakThings } from './faults.ts'
import type { History } from './history.ts'
import { createNetwork } from './network.ts'
import type { Plan } from './plan.ts'
import { createWorld, type World } from './world.ts'

/** A run to make: the seed decides everything that `plan` leaves open. */
export interface Scenario {
  readonly seed: number
  readonly plan?: Partial<Plan>
}

/**
 * Runs a whole installation under one seed: engines on a shared storage and bus, clients that use and misuse them, an
 * administrator, and faults. Time is simulated and nothing waits for anything real, so the same seed makes the same
 * history, to the letter. What must hold of it is judged by {@link violationsOf}.
 */
export async function simulate({ seed, plan }: Scenario): Promise<History> {
  const world = createWorld(seed, plan)
  const cluster = createCluster(world)
  const { random } = world
  const network = createNetwork(world)
  for (let place = 0; place < world.plan.nodes; place++) cluster.start(place)
  const scene = await furnish(world, cluster)
  const clients: Client[] = []
  for (const [index, who] of scene.identities.entries()) {
    clients.push(createClient(world, cluster, network, `client${index}`, who, clients))
  }
  for (const client of clients) {
    for (const room_id of scene.room_ids) if (random.chance(0.8)) client.wanted.add(room_id)
    actOn(world, client, scene.room_ids, clients)
  }
  administer(world, cluster, scene)
  breakThings(world, cluster, clients)
  await world.pass(world.plan.duration)
  await settle(world, cluster)
  return {
    entries: world.entries,
    rooms: await roomsOf(cluster, scene.room_ids),
    signalLife: cluster.limits.signal_ttl_ms,
    isSettled: true,
  }
}

/** Users, their logins and rooms, there before anything happens. */
async function furnish({ plan, random, clock, ids }: World, { storage }: Cluster) {
  const created_at = clock.now()
  const user_ids: string[] = []
  for (let i = 0; i < plan.users; i++) {
    const user_id = ids.id('usr')
    user_ids.push(user_id)
    const account = { hashed_password: null, admin: false, disabled: false, created_at }
    await storage.users.create({ user_id, username: `user${i}`, ...account })
  }
  const [owner = '', ...others] = user_ids
  const room_ids: string[] = []
  const eventOf = (type: string) => ({ id: ids.uuid(), type, from: 'server', at: created_at })
  for (let i = 0; i < plan.rooms; i++) {
    const room_id = ids.id('room')
    room_ids.push(room_id)
    const room = { room_id, name: `Room ${i}`, owner_user_id: owner, created_at }
    await storage.rooms.create(room, { ...eventOf('room.created'), payload: { user_id: owner, name: room.name } })
    for (const user_id of others) {
      const role: Role = random.chance(0.7) ? 'member' : 'guest'
      const event = { ...eventOf('room.member.added'), payload: { user_id, username: user_id, role } }
      await storage.rooms.setMember({ room_id, user_id, role, at: created_at }, { added: event, updated: event })
    }
  }
  const identities: Identity[] = []
  for (let i = 0; i < plan.clients; i++) {
    const user_id = user_ids[i % user_ids.length] ?? ''
    const device_id = random.chance(0.3) ? ids.id('dev') : undefined
    if (device_id !== undefined) await enrol(storage, { device_id, user_id, created_at })
    identities.push({ user_id, sid: '', device_id })
  }
  return { room_ids, user_ids, identities }
}

/** Adds a device, or whoever comes with it is shown out as somebody whose device is forgotten. */
async function enrol(storage: Storage, of: { device_id: string; user_id: string; created_at: number }): Promise<void> {
  const { device_id, user_id, created_at } = of
  const forever = { created_at, expires_at: Infinity }
  await storage.enrolments.create({ code_hash: device_id, user_id, ...forever }, 1)
  const key = { name: device_id, public_key: device_id, jkt: device_id }
  await storage.enrolments.redeem(device_id, { device_id, ...key, ...forever }, Infinity)
}

/**
 * Ends the faults and waits until nothing is on its way any more, every node has looked whether it missed something, and
 * those that died are missed.
 */
export async function settle(world: World, cluster: Cluster): Promise<void> {
  world.isRestless = false
  await world.pass(5_000)
  for (const place of cluster.places.keys()) if (!cluster.places[place]) cluster.start(place)
  // Who has its session on a node that died, and its socket on another, hears nothing until that node is missed.
  if (hasLostNode(world)) await world.pass(goneMs)
  // A client may have a dozen requests to make up for, each of which waits for the storage more than once.
  await world.pass(5_000 + 40 * world.plan.delays.storage)
}

/** Whether a node has ended, in whatever way, that others may still reckon with. */
function hasLostNode({ entries, plan }: World): boolean {
  return plan.nodes > 1 && entries.filter(({ kind }) => kind === 'begin').length > plan.nodes
}

async function roomsOf({ storage }: Cluster, room_ids: readonly string[]): Promise<History['rooms']> {
  const rooms = new Map<string, { events: Awaited<ReturnType<typeof storage.events.list>>; members: Set<string> }>()
  for (const room_id of room_ids) {
    const snapshot = await storage.rooms.snapshot(room_id)
    if (!snapshot) continue
    const events = await storage.events.list(room_id, { after: 0, limit: 100_000 })
    rooms.set(room_id, { events, members: new Set(snapshot.members.map(({ user_id }) => user_id)) })
  }
  return rooms
}
