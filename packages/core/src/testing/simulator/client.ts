import { mayReconnect } from '../../close-codes.ts'
import { toInstant } from '../../encoder.ts'
import { createCallBook, type CallBook } from './calls.ts'
import { writeToken, type Cluster } from './cluster.ts'
import type { Wire } from './history.ts'
import type { Line, Network } from './network.ts'
import type { World } from './world.ts'

/** The longest that a client stays away before it connects again, in milliseconds: longer than its session waits. */
const away = 9_000

/** Who somebody is in a run: a user, perhaps on a device, with a login that is replaced when it was ended. */
export interface Identity {
  readonly user_id: string
  readonly device_id: string | undefined
  sid: string
}

/** What a client knows of its session, which outlives its sockets. */
interface Session {
  id: string
  token: string
  formerToken: string | undefined
  peer_id: string
  place: number
  /** Frames after the welcome, over all sockets. */
  received: number
}

/** What a client knows of a room it has joined. */
export interface RoomView {
  readonly peers: Map<string, { user_id: string }>
  /** Tokens granted for this room, and for what. */
  readonly tokens: { token: string; caps: readonly string[] }[]
}

/** A client as the contract wants it, but for what its acts make it do on purpose. */
export interface Client {
  readonly name: string
  readonly who: Identity
  readonly rooms: ReadonlyMap<string, RoomView>
  readonly calls: CallBook
  /** The peer id, while connected. */
  readonly peer_id: string | undefined
  readonly line: Line | undefined
  /** Sends an event and keeps it until it is answered, sending it again with the same id after a reconnect. */
  ask(type: string, to: string, payload: object, id?: string): Wire
  /** Sends an event that is answered by an error or not at all. */
  say(type: string, to: string, payload: object): Wire
  /** Ends its session for good. */
  goAway(): void
  /** Which rooms it wants to be in: it joins them again whenever its session begins anew. */
  readonly wanted: Set<string>
  /** How many frames it has received in its session. */
  readonly received: number
}

/** @see Client */
export function createClient(world: World, cluster: Cluster, network: Network, name: string, who: Identity): Client {
  const { clock, random, ids } = world
  const rooms = new Map<string, RoomView>()
  const wanted = new Set<string>()
  const unanswered = new Map<string, Wire>()
  let session: Session | undefined
  let line: Line | undefined
  let isWelcome = false

  const write = (type: string, to: string, payload: object, id = ids.uuid()): Wire => ({
    type,
    id,
    timestamp: toInstant(Math.floor(clock.now())),
    to,
    payload: payload as Wire['payload'],
  })

  function connect(): void {
    const open = cluster.places.flatMap((node, place) => (node ? [place] : []))
    const isKnown = session !== undefined && open.includes(session.place)
    // Only the node that has the session can resume it; a balancer with sticky routing mostly finds it.
    const place = session && isKnown && random.chance(0.9) ? session.place : random.pick(open)
    const node = place === undefined ? undefined : cluster.places[place]
    if (place === undefined || !node) return world.soon(500, connect)
    const own = network.connect(
      node,
      { client: name, user_id: who.user_id, sid: who.sid },
      {
        message: (frame) => line === own && take(frame, place),
        closed: (code) => line === own && lost(code),
      },
    )
    line = own
    isWelcome = false
    const expires_at = clock.now() + random.between(6_000, 60_000)
    own.send(
      write('system.hello', 'server', {
        token: writeToken({ ...who, expires_at: Math.floor(expires_at) }),
        ...(session && isKnown ? { resume: claim(session) } : {}),
      }),
    )
  }

  /** How it asks for its session back: now and then with a token that was used before, or counting frames it never got. */
  function claim({ id, token, formerToken, received }: Session): object {
    const honest = { session_id: id, token, received }
    const how = random.weighted({ honest: 30, used: 1, boasting: 1 })
    if (how === 'used' && formerToken !== undefined) return { ...honest, token: formerToken }
    return how === 'boasting' ? { ...honest, received: received + 10_000 } : honest
  }

  function lost(code: number): void {
    line = undefined
    isWelcome = false
    if (mayReconnect(code)) world.soon(random.chance(0.1) ? away : 600, connect)
    else world.soon(2_000, () => void login().then(connect))
  }

  async function login(): Promise<void> {
    begin()
    who.sid = await cluster.login(who.user_id)
  }

  /** What was known of the session is worth nothing any more. */
  function begin(): void {
    session = undefined
    rooms.clear()
    client.calls.clear()
  }

  function take(frame: Wire, place: number): void {
    if (frame.type === 'system.welcome') return welcome(frame, place)
    if (session && isWelcome) session.received++
    const asked = frame.reply_to === undefined ? undefined : unanswered.get(frame.reply_to)
    // What the store could not do now it may do later; the id says that it is the same request.
    if (asked && frame.code !== 'UNAVAILABLE') unanswered.delete(asked.id)
    if (asked && frame.code === 'UNAVAILABLE') world.soon(600, () => again(asked))
    react(frame, asked)
  }

  function welcome({ payload }: Wire, place: number): void {
    const { token } = payload.resume as { token: string }
    if (payload.resumed !== true) begin()
    session = {
      id: String(payload.session_id),
      peer_id: String(payload.peer_id),
      token,
      formerToken: session?.token,
      place,
      received: session?.received ?? 0,
    }
    isWelcome = true
    if (payload.resumed !== true) for (const room of wanted) ask('room.join', room, {})
    for (const frame of [...unanswered.values()]) again(frame)
  }

  /** Sends once more what was not answered, if it still makes sense. */
  function again(frame: Wire): void {
    if (!isWelcome || !unanswered.has(frame.id)) return
    if (frame.type === 'room.join' || frame.type === 'chat.message.send') line?.send(frame)
    else unanswered.delete(frame.id)
  }

  function react(frame: Wire, asked: Wire | undefined): void {
    const { payload, to } = frame
    if (frame.type === 'system.ping') say('system.pong', 'server', {})
    else if (frame.type === 'system.token.expiring') {
      const expires_at = Math.floor(clock.now() + random.between(6_000, 60_000))
      if (random.chance(0.9)) ask('system.token.refresh', 'server', { token: writeToken({ ...who, expires_at }) })
    } else if (frame.type === 'room.joined') {
      // The contract's shape: see rooms/events.ts.
      const peers = payload.peers as { peer_id: string; user_id: string }[]
      rooms.set(String(payload.room_id), {
        tokens: [],
        ...rooms.get(String(payload.room_id)),
        peers: new Map(peers.map((peer) => [peer.peer_id, peer])),
      })
    } else if (frame.type === 'room.left') {
      if (payload.peer_id === session?.peer_id) leave(String(payload.room_id))
      else rooms.get(String(payload.room_id))?.peers.delete(String(payload.peer_id))
    } else if (frame.type === 'presence.update') {
      rooms.get(to)?.peers.set(String(payload.peer_id), { user_id: String(payload.user_id) })
    } else if (frame.type === 'capability.granted' && asked) {
      const granted = { token: String(payload.token), caps: payload.caps as string[] }
      rooms.get(String(asked.payload.room_id))?.tokens.push(granted)
    } else if (frame.type.startsWith('rtc.') || frame.code !== undefined) client.calls.heard(frame)
  }

  function leave(room_id: string): void {
    rooms.delete(room_id)
    client.calls.forget(room_id)
  }

  function ask(type: string, to: string, payload: object, id?: string): Wire {
    const frame = write(type, to, payload, id)
    unanswered.set(frame.id, frame)
    if (isWelcome) line?.send(frame)
    return frame
  }

  function say(type: string, to: string, payload: object): Wire {
    const frame = write(type, to, payload)
    if (isWelcome) line?.send(frame)
    return frame
  }

  const client: Client = {
    name,
    who,
    rooms,
    wanted,
    ask,
    say,
    calls: createCallBook(world, say, () => session?.peer_id),
    goAway() {
      begin()
      line?.close(1001)
    },
    get peer_id() {
      return isWelcome ? session?.peer_id : undefined
    },
    get line() {
      return line
    },
    get received() {
      return session?.received ?? 0
    },
  }
  world.soon(1_000, () => void login().then(connect))
  return client
}
