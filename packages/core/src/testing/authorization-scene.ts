import { decodeJwt } from 'jose'
import type { Role } from '../acl.ts'
import type { Principal } from '../context.ts'
import { MeshError } from '../errors.ts'
import { accessType } from '../tokens/access.ts'
import { capabilityType, type CapabilityClaims } from '../tokens/capability.ts'
import { createKeyring, generateSigningKey } from '../tokens/keys.ts'
import { sessionType } from '../tokens/p2p.ts'
import type { Cell, Rule, TokenState } from './authorization.ts'
import { createWorld, grant, join, settle, unhurried, type World } from './kit.ts'
import type { TestClient } from './test-mesh.ts'

/** Builds the situation of one cell of the authorization table for real. Not published. */

/** Who is there: the peer that is judged, the one at the other end, and the owner of the room. */
export interface Scene {
  readonly world: World
  readonly me: TestClient
  readonly other: TestClient
  readonly owner: TestClient
  /** Who has a part in what is to be one's own: the peer that is judged, or the owner for one that never came in. */
  readonly party: TestClient
  /** What `me` shows to say who it is. */
  readonly proof: string
  /** A second connection of the same user, from this device. */
  ownDevice(device_id: string): Promise<TestClient>
}

/** An event that is ready to be sent, but for its capability token. */
export type Prepared = readonly [to: string, payload: object]

const [first, second, foreign] = [await generateSigningKey(), await generateSigningKey(), await generateSigningKey()]
const own = await createKeyring([first])
const forger = await createKeyring([{ ...foreign, kid: first.kid }])

const id = (kind: string, letter: string) => `${kind}_${letter.repeat(22)}`
const proofOf = (principal: Principal) => JSON.stringify(principal)

/** The token of a hello is the principal itself, so that devices and their keys are as a test wants them. */
async function authenticate({ token = '' }: { token?: string | undefined }): Promise<Principal> {
  if (!token.startsWith('{')) throw new MeshError('AUTH_INVALID')
  return JSON.parse(token) as Principal
}

/** What every role may have in the rooms of these scenes; the rest is withheld from all of them. */
const allowed = ['call', 'screen', 'share:file', 'terminal:control']
const withheld = 'terminal:view'

/**
 * Sets the scene: everybody in the room, the token made and what makes it stale done, `prepare` called while all is
 * well, and then the sender and the other end as the cell has them. Returns the event to be sent.
 */
export async function stage(
  rule: Rule,
  cell: Cell,
  isByDefault: boolean,
  prepare: (scene: Scene) => Promise<Prepared>,
): Promise<Scene & { to: string; payload: object }> {
  const world = await createWorld({
    authenticate,
    capabilityKeys: await createKeyring([first, second]),
    limits: { ...unhurried, resume_window_s: 120 },
  })
  const { room, dan } = world
  const { standing, role = 'member' } = cell.sender
  const isMember = standing !== 'never a member'
  if (!isByDefault) await world.setCaps({ owner: allowed, member: allowed, guest: allowed })
  if (isMember) await world.setRole(dan, role)

  const connect = async (principal: Principal, enters = true) => {
    const client = world.open()
    await client.ask('system.hello', 'server', { token: proofOf(principal) })
    if (enters) await join(client, room)
    return client
  }
  const principal = {
    user_id: dan,
    username: 'dan',
    device_id: id('dev', 'd'),
    device_jkt: 'thumbprint',
    sid: id('sess', 'd'),
  }
  const owner = await connect({ user_id: world.ann, username: 'ann' })
  const other = await connect({ user_id: world.bob, username: 'bob' })
  const me = await connect(principal, isMember)
  const scene: Scene = {
    world,
    me,
    other,
    owner,
    party: isMember ? me : owner,
    proof: proofOf(principal),
    ownDevice: (device_id) => connect({ ...principal, device_id }, isMember),
  }

  const token = rule.cap === undefined ? undefined : await tokenOf(scene, principal, rule.cap, cell)
  const [to, payload] = await prepare(scene)
  await settle(owner, other, me)

  if (standing === 'not joined') await me.ask('room.leave', room, {})
  if (standing === 'removed') await world.remove(dan)
  if (standing === 'no such room') await world.mesh.rooms.delete('administrator', room)
  if (cell.end === 'reconnecting') other.vanish()
  if (cell.end === 'gone') await other.ask('room.leave', room, {})
  await settle(owner, me)
  return { ...scene, to, payload: token === undefined ? payload : { ...payload, cap_token: token } }
}

/** A capability token in the state of the cell, with whatever has to happen to bring it there. */
async function tokenOf(
  { world, me, other, party }: Scene,
  { sid, device_id, device_jkt }: Principal,
  cap: string,
  { token: state, sender }: Cell,
): Promise<string | undefined> {
  const { room, dan } = world
  const granted = decodeJwt<CapabilityClaims>(await grant(party, room, [cap], { target_peer_id: other.peer_id }))
  const valid = { ...granted, sub: me.peer_id, sid, cnf: { jkt: device_jkt } }
  const { target_peer_id: _, ...untargeted } = valid
  const past = { iat: granted.iat - 126, exp: granted.iat - 6 }
  const elsewhere = { room_id: id('room', 'x') }
  const sound = (claims: object) => own.sign(capabilityType, claims)
  const make: Record<TokenState, () => string | undefined | Promise<string>> = {
    valid: () => sound(valid),
    'valid, for the device instead of the peer': () => sound({ ...valid, sub: device_id }),
    'valid, for any target': () => sound(untargeted),
    'valid, with more capabilities than needed': () => sound({ ...valid, caps: [cap, 'screen'].sort() }),
    none: () => undefined,
    'without the needed capability': () => sound({ ...valid, caps: ['screen'] }),
    expired: () => sound({ ...valid, ...past }),
    'expired and without the needed capability': () => sound({ ...valid, ...past, caps: ['screen'] }),
    'forged signature': () => forger.sign(capabilityType, valid),
    'forged and expired': () => forger.sign(capabilityType, { ...valid, ...past }),
    'signed with a key that was revoked': () => sound(valid),
    'not a token at all': () => 'a.b.c',
    'an access token by its type': () => own.sign(accessType, valid),
    'a P2P session token by its type': () => own.sign(sessionType, valid),
    'of another issuer': () => sound({ ...valid, iss: 'https://other.test', aud: 'https://other.test' }),
    'for another room': () => sound({ ...valid, ...elsewhere }),
    'for another room, and expired': () => sound({ ...valid, ...elsewhere, ...past }),
    'for another target': () => sound({ ...valid, target_peer_id: id('peer', 'x') }),
    'for another target device': () => sound({ ...untargeted, target_device_id: id('dev', 'x') }),
    'of another peer': () => sound({ ...valid, sub: other.peer_id }),
    'of another login': () => sound({ ...valid, sid: id('sess', 'x') }),
    'bound to another device key': () => sound({ ...valid, cnf: { jkt: 'another' } }),
    'from before the role changed, and changed back': () => sound(valid),
    'from before the policy changed': () => sound(valid),
    'from before a removal, after the return': () => sound(valid),
    'with a capability that the policy withholds': () => sound({ ...valid, caps: [cap, withheld].sort() }),
  }
  const token = await make[state]()
  const { role } = sender
  const isMember = sender.standing !== 'never a member'
  if (state === 'signed with a key that was revoked') world.mesh.revokeKey(first.kid)
  if (state === 'from before the policy changed') {
    await world.mesh.rooms.update('administrator', room, { policy: { relay_only: false } })
  }
  if (isMember && state === 'from before the role changed, and changed back') {
    const own: Role = role ?? 'member'
    await world.setRole(dan, own === 'guest' ? 'member' : 'guest')
    await world.setRole(dan, own)
  }
  if (isMember && state === 'from before a removal, after the return') {
    await world.remove(dan)
    await world.setRole(dan, role ?? 'member')
    await join(me, room)
  }
  return token
}
