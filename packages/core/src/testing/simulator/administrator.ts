import type { Role } from '../../acl.ts'
import { isMeshError } from '../../errors.ts'
import type { Mesh } from '../../mesh-api.ts'
import type { Identity } from './client.ts'
import type { Cluster } from './cluster.ts'
import type { Barred } from './history.ts'
import type { World } from './world.ts'

/** What the administrator does, by weight. */
const weights = {
  setRole: 8,
  remove: 4,
  policy: 3,
  rename: 2,
  deleteRoom: 0.3,
  disable: 0.7,
  endLogin: 0.7,
} as const

const memberCaps = [
  ['call', 'screen', 'share:file', 'terminal:control'],
  ['call', 'share:file', 'terminal:control'],
  ['call'],
  [],
]

const roles: readonly Role[] = ['owner', 'member', 'guest']

/** What the people of a run are about: who there is, and where. */
export interface Scene {
  readonly room_ids: readonly string[]
  readonly user_ids: readonly string[]
  readonly identities: readonly Identity[]
}

/** Changes who may what, at random nodes and moments, for as long as the run is restless. */
export function administer(world: World, cluster: Cluster, { room_ids, user_ids, identities }: Scene): void {
  const { random, record, plan } = world

  const somewhere = () => random.pick(cluster.places.filter((node) => node !== undefined))

  /** Asks something of a node and notes what comes of it; a fault of the store is nobody's fault. */
  function ask(what: string, act: (mesh: Mesh) => Promise<unknown>): Promise<boolean> {
    const node = somewhere()
    if (!node) return Promise.resolve(false)
    return new Promise((resolve) => {
      const done = (outcome: string) => {
        record({ kind: 'admin', what, outcome })
        resolve(outcome === 'done')
      }
      node.deliver(() => {
        act(node.mesh).then(
          () => done('done'),
          (error: unknown) => {
            if (!isMeshError(error)) record({ kind: 'broken', node: node.name, what: `${what}: ${String(error)}` })
            done(isMeshError(error) ? error.code : 'broken')
          },
        )
      })
    })
  }

  /** Ends connections, once what they rest on has ended. */
  function bar(which: Barred): void {
    record({ kind: 'revoke', which })
    const node = somewhere()
    node?.deliver(() => {
      record({ kind: 'bar', node: node.name, which })
      node.mesh.disconnect(which)
    })
  }

  const room = () => random.pick(room_ids) ?? ''
  const user = () => random.pick(user_ids) ?? ''

  const acts: Record<keyof typeof weights, () => void> = {
    setRole() {
      const [room_id, user_id, role] = [room(), user(), random.pick(roles) ?? 'member']
      void ask(`setMember ${room_id} ${user_id} ${role}`, ({ rooms }) =>
        rooms.setMember('administrator', room_id, user_id, role),
      )
    },
    remove() {
      const [room_id, user_id] = [room(), user()]
      void ask(`removeMember ${room_id} ${user_id}`, ({ rooms }) =>
        rooms.removeMember('administrator', room_id, user_id),
      )
    },
    policy() {
      const caps = {
        guest: random.chance(0.5) ? ['call'] : [],
        member: random.pick(memberCaps),
      }
      const room_id = room()
      void ask(`update ${room_id}`, ({ rooms }) => rooms.update('administrator', room_id, { policy: { caps } }))
    },
    rename() {
      const room_id = room()
      void ask(`update ${room_id}`, ({ rooms }) => rooms.update('administrator', room_id, { name: 'Another name' }))
    },
    deleteRoom() {
      const room_id = room()
      void ask(`delete ${room_id}`, ({ rooms }) => rooms.delete('administrator', room_id))
    },
    disable() {
      const user_id = user()
      void cluster.storage.users.update(user_id, { disabled: true }).then(() => bar({ user_id }))
      world.soon(4_000, () => void cluster.storage.users.update(user_id, { disabled: false }))
    },
    endLogin() {
      const identity = random.pick(identities)
      if (!identity) return
      const { sid } = identity
      void cluster.storage.logins.revoke({ sid }, Math.floor(world.clock.now())).then(() => bar({ sid }))
    },
  }

  function act(): void {
    if (!world.isRestless) return
    acts[random.weighted(weights)]()
    world.soon(plan.pace * 2, act)
  }
  world.soon(plan.pace * 2, act)
}
