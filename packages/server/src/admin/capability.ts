import { capabilityFields, field, isId, MeshError, type Peer } from '@mesh/core'
import * as v from 'valibot'
import type { MeshServer } from '../mesh-server.ts'
import { findRoom, findUser } from './find.ts'

const { target_peer_id: _peer, target_device_id: _device, ...shared } = capabilityFields

/** A capability token asked for by an administrator. */
export const capabilityInput = v.strictObject({
  room: v.string(),
  /** The peer or device that will use the token. */
  for: v.union([field.peerId, field.deviceId]),
  /** Whose it is; needed where the peer is not connected. */
  user: v.optional(v.string()),
  target: v.optional(v.union([field.peerId, field.deviceId])),
  ...shared,
})

/**
 * Makes a capability token, under the same policy as if its user had asked: the role in the room decides.
 *
 * @throws MeshError UNROUTABLE when `for` is not connected and no user is named; CONFLICT when it is somebody else's;
 *   ACCESS_DENIED when the user is no member, or the role may not have these capabilities
 */
export async function grantCapability(mesh: MeshServer, input: v.InferOutput<typeof capabilityInput>) {
  const { room: roomName, for: sub, user: userName, target, ...request } = input
  const room = await findRoom(mesh, roomName)
  const known = livePeer(mesh, sub) ?? (await mesh.devices.granteeOf(sub))
  const named = userName === undefined ? undefined : await findUser(mesh, userName)
  const user_id = named?.user_id ?? known?.user_id
  if (user_id === undefined) throw new MeshError('UNROUTABLE', 'This peer is not connected: name its user')
  if (known && known.user_id !== user_id) throw new MeshError('CONFLICT', 'This peer belongs to another user')
  const { member } = await mesh.rooms.authorize({ user_id }, room.room_id, 'capability')
  if (!member) throw new MeshError('ACCESS_DENIED')
  return mesh.engine.grant(
    { room_id: room.room_id, ...request, ...targetOf(target) },
    sub,
    known ?? { user_id },
    {
      room,
      member,
    },
    'administrator',
  )
}

function livePeer({ engine }: MeshServer, id: string): Peer | undefined {
  return engine.peers.get(id) ?? [...engine.peers.values()].find((peer) => peer.device_id === id)
}

function targetOf(id: string | undefined) {
  if (id === undefined) return {}
  return isId('peer', id) ? { target_peer_id: id } : { target_device_id: id }
}
