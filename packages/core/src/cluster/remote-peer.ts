import type { LiveRoom, Occupant, Outbound, Peer } from '../context.ts'
import { MeshError } from '../errors.ts'
import type { PeerCard, Place } from './messages.ts'

/** What a peer of another node needs of this one. */
export interface RemoteHost {
  /** Sends a frame to where the peer is connected. */
  forward(peer: RemotePeer, frame: Outbound): void
  /** Answers it with an error. */
  refuse(peer: RemotePeer, error: unknown, reply_to: string | undefined): void
  /** Whether its node can be reached, as far as is known. */
  reaches(node: string): boolean
}

/**
 * A peer that is connected to another node. To areas it is a peer like any other; its own node keeps its session, and is
 * the one that lets it into rooms, takes it out again and tells it what happens there.
 */
export class RemotePeer implements Peer {
  readonly isHere = false
  readonly node: string
  readonly peer_id: string
  readonly user_id: string
  readonly identity: string
  readonly device_id: string | undefined
  username = ''
  device_jkt: string | undefined
  sid: string | undefined
  kid: string | undefined
  /** Where it is, whether or not anybody of this node is there. */
  readonly places = new Map<string, Place>()
  /** The rooms that it shares with peers of this node. */
  readonly rooms = new Map<string, Occupant>()
  /** Its socket is gone and may come back. */
  isAway = false
  readonly #host: RemoteHost

  constructor(host: RemoteHost, node: string, card: PeerCard) {
    this.#host = host
    this.node = node
    this.peer_id = card.peer_id
    this.user_id = card.user_id
    this.identity = card.identity
    this.device_id = card.device_id
    this.update(card)
  }

  /** Takes over what has changed about it. */
  update({ username, device_jkt, sid, kid, reconnecting }: PeerCard): void {
    Object.assign(this, { username, device_jkt, sid, kid })
    this.isAway = reconnecting
  }

  get reconnecting(): boolean {
    return this.isAway || !this.#host.reaches(this.node)
  }

  entered(occupant: Occupant): void {
    this.rooms.set(occupant.room.room_id, occupant)
  }

  exited(occupant: Occupant): void {
    this.rooms.delete(occupant.room.room_id)
  }

  send(frame: Outbound): void {
    this.#host.forward(this, frame)
  }

  fail(error: unknown, reply_to: string | undefined): void {
    this.#host.refuse(this, error, reply_to)
  }

  // What follows is for its own node to do, which does it.

  async refresh(): Promise<never> {
    throw new MeshError('AUTH_INVALID')
  }

  acknowledge(): void {}

  purge(_room: LiveRoom): void {}

  close(): void {}
}
