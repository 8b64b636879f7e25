import { mayReconnect } from '../../close-codes.ts'
import { toInstant } from '../../encoder.ts'
import { createCallBook, type CallBook } from './calls.ts'
import { writeToken, type Cluster } from './cluster.ts'
import type { Wire } from './history.ts'
import type { Line, Network } from './network.ts'
import { createTransferBook, type TransferBook } from './transfers.ts'
import { createView, type View } from './view.ts'
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
  /** What it has sent after the welcome, over all sockets: what did not get there is sent again. */
  sent: Wire[]
}

/** A client as the contract wants it, but for what its acts make it do on purpose. */
export interface Client {
  readonly name: string
  readonly who: Identity
  readonly view: View
  readonly calls: CallBook
  readonly transfers: TransferBook
  /** The peer id, while connected. */
  readonly peer_id: string | undefined
  readonly line: Line | undefined
  /** Which rooms it wants to be in: it joins them again whenever its session begins anew. */
  readonly wanted: Set<string>
  /** How many frames it has received in its session. */
  readonly received: number
  /** Sends an event and keeps it until it is answered. */
  ask(type: string, to: string, payload: object, id?: string): Wire
  /** Sends an event that is answered by an error or not at all. */
  say(type: string, to: string, payload: object): Wire
  /** Ends its session for good. */
  goAway(): void
  /** What it would show to get its session back. */
  readonly claim: Claim | undefined
}

/** What a hello shows to resume a session. */
interface Claim {
  session_id: string
  token: string
  received: number
}

/** @see Client. `others` are all clients of the run. */
export function createClient(
  world: World,
  cluster: Cluster,
  network: Network,
  name: string,
  who: Identity,
  others: readonly Client[],
): Client {
  const { clock, random, ids } = world
  const wanted = new Set<string>()
  const unanswered = new Map<string, Wire>()
  let session: Session | undefined
  let line: Line | undefined
  let isWelcome = false
  // A hello without a welcome comes again under its id: the welcome may have been lost, and the next resume token with it.
  let helloId: string | undefined

  const write = (type: string, to: string, payload: object, id = ids.uuid()): Wire => ({
    type,
    id,
    timestamp: toInstant(Math.floor(clock.now())),
    to,
    payload: payload as Wire['payload'],
  })

  /** Some tokens run out within the run, some never do. */
  function accessToken(): string {
    const life = random.chance(0.5) ? random.between(6_000, 60_000) : 600_000
    return writeToken({ ...who, expires_at: Math.floor(clock.now() + life) })
  }

  function connect(): void {
    const open = cluster.places.flatMap((node, place) => (node ? [place] : []))
    const isKnown = session !== undefined && open.includes(session.place)
    // Only the node that has the session can resume it; a balancer with sticky routing mostly finds it.
    const place = session && isKnown && random.chance(0.9) ? session.place : random.pick(open)
    const node = place === undefined ? undefined : cluster.places[place]
    if (place === undefined || !node) return world.soon(500, connect)
    const own = network.connect(
      node,
      { client: name, ...who },
      {
        message: (frame) => line === own && take(frame, place),
        closed: (code) => line === own && lost(code),
      },
    )
    line = own
    isWelcome = false
    helloId ??= ids.uuid()
    const resume = session && isKnown ? { resume: claimTo(session) } : {}
    own.send(write('system.hello', 'server', { token: accessToken(), ...resume }, helloId))
  }

  /**
   * How it asks for its session back: now and then with a token that was used before, counting frames it never got, or for
   * the session of somebody else.
   */
  function claimTo(own: Session): Claim {
    const honest = honestClaim(own)
    const how = random.weighted({ honest: 40, used: 1, boasting: 1, stolen: 2 })
    if (how === 'used' && own.formerToken !== undefined) return { ...honest, token: own.formerToken }
    if (how === 'boasting') return { ...honest, received: own.received + 10_000 }
    return (how === 'stolen' ? random.pick(others.filter(isSomebodyElse))?.claim : undefined) ?? honest
  }

  const honestClaim = ({ id, token, received }: Session): Claim => ({ session_id: id, token, received })
  // Two clients of one user and no device are the same to the contract.
  const isSomebodyElse = (other: Client) => other.who.user_id !== who.user_id || other.who.device_id !== who.device_id

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
    helloId = undefined
    client.view.clear()
    client.calls.clear()
    client.transfers.clear()
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
    const { token, received } = payload.resume as { token: string; received: number }
    if (payload.resumed !== true) begin()
    // What did not get there; what did is answered, whatever became of the answer's first way here.
    const astray = session?.sent.slice(received) ?? []
    helloId = undefined
    session = {
      id: String(payload.session_id),
      peer_id: String(payload.peer_id),
      token,
      formerToken: session?.token,
      place,
      received: session?.received ?? 0,
      sent: session?.sent.slice(0, received) ?? [],
    }
    isWelcome = true
    const gone = new Set([...session.sent, ...astray].map(({ id }) => id))
    const owed = [...unanswered.values()].filter(({ id }) => !gone.has(id))
    for (const frame of astray) send(frame)
    if (payload.resumed !== true) for (const room of wanted) ask('room.join', room, {})
    for (const frame of owed) again(frame)
  }

  function send(frame: Wire): void {
    if (!isWelcome) return
    session?.sent.push(frame)
    line?.send(frame)
  }

  /** Sends once more what was not answered, if it still makes sense. */
  function again(frame: Wire): void {
    if (!isWelcome || !unanswered.has(frame.id)) return
    if (frame.type === 'room.join' || frame.type === 'chat.message.send') send(frame)
    else unanswered.delete(frame.id)
  }

  function react(frame: Wire, asked: Wire | undefined): void {
    if (frame.type === 'system.ping') say('system.pong', 'server', {})
    else if (frame.type === 'system.token.expiring' && random.chance(0.9)) {
      ask('system.token.refresh', 'server', { token: accessToken() })
    }
    client.view.heard(frame, asked)
    client.calls.heard(frame)
    client.transfers.heard(frame, asked)
  }

  function ask(type: string, to: string, payload: object, id?: string): Wire {
    const frame = write(type, to, payload, id)
    unanswered.set(frame.id, frame)
    send(frame)
    return frame
  }

  function say(type: string, to: string, payload: object): Wire {
    const frame = write(type, to, payload)
    send(frame)
    return frame
  }

  const self = () => session?.peer_id
  const calls = createCallBook(world, say, self)
  const client: Client = {
    name,
    who,
    wanted,
    ask,
    say,
    calls,
    view: createView(self, calls.forget),
    transfers: createTransferBook(world, ask),
    get peer_id() {
      return isWelcome ? session?.peer_id : undefined
    },
    get line() {
      return line
    },
    get received() {
      return session?.received ?? 0
    },
    get claim() {
      return session && honestClaim(session)
    },
    goAway() {
      begin()
      line?.close(1001)
    },
  }
  world.soon(1_000, () => void login().then(connect))
  return client
}
