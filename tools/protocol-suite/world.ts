import assert from 'node:assert/strict'
import type { ClientOptions } from 'ws'
import { call, type Answer, type CallOptions } from './rest.ts'
import type { User, Users } from './users.ts'
import { open, type Frame, type Wire } from './wire.ts'

export type Role = 'owner' | 'member' | 'guest'

/** What is known of the server under test. */
export interface Target {
  /** Where it is, without a trailing slash. */
  readonly base: string
  /** `iss` and `aud` of its tokens. */
  readonly issuer: string
  readonly admin: { readonly token: string; readonly user_id: string }
  readonly users: Users
}

/** A room with a joined peer of each of some users. */
export interface Meeting {
  readonly room: string
  readonly users: User[]
  readonly peers: Wire[]
}

/** What a case works with: people, rooms and connections that are gone when it ends. */
export interface World extends Target {
  /** Users for this case; call it once. */
  people(count: number): Promise<User[]>
  /** A user that the case may ruin: disable, delete, log out. */
  fresh(): Promise<User>
  /** REST below `/api/v1`, as somebody. */
  api(as: { token: string } | undefined, method: string, path: string, body?: unknown): Promise<Answer>
  /** HTTP at any path. */
  http(method: string, path: string, options?: CallOptions): Promise<Answer>
  /** An open socket before its hello. */
  open(options?: ClientOptions & { protocols?: string[]; as?: User }): Promise<Wire>
  /** A socket with its welcome. */
  connect(user: User): Promise<Wire>
  /** A room of the first user's, with the others as members of the given roles. */
  room(owner: User, others?: readonly (readonly [User, Role])[]): Promise<string>
  /** A peer of the user that has joined the room. */
  enter(user: User, room: string): Promise<Wire>
  /** As many users as roles, an owner first, each with one joined peer. */
  meet(...roles: ['owner', ...Role[]]): Promise<Meeting>
  /** A capability token for the peer. @throws AssertionError when it is refused */
  grant(wire: Wire, room_id: string, caps: string[], more?: object): Promise<string>
  /** Waits until whatever these peers sent has had time to reach everybody. */
  settle(...wires: Wire[]): Promise<void>
  /** Skips the case, with a reason for the report, unless the server announces the feature. */
  needs(wire: Wire, feature: string): void
  skip(reason: string): never
}

/** Thrown by a case that cannot be tried on this server; the message is the reason, and it is reported. */
export class Skipped extends Error {
  override readonly name = 'Skipped'
}

/** Makes a world for one case. `end` closes and deletes; it throws what was wrong with any frame that came. */
export function createWorld(target: Target): { world: World; end(): Promise<void> } {
  const { base, users } = target
  const wires: Wire[] = []
  const lent: User[] = []
  const rooms: { room_id: string; owner: User }[] = []

  const world: World = {
    ...target,
    async people(count) {
      assert.equal(lent.length, 0, 'a case takes its people once')
      lent.push(...(await users.take(count)))
      return [...lent]
    },
    fresh: users.fresh,
    api: (as, method, path, body) =>
      call(`${base}/api/v1${path}`, method, { token: as?.token, ...(body === undefined ? {} : { body }) }),
    http: (method, path, options) => call(`${base}${path}`, method, options),
    async open({ as, ...options } = {}) {
      const wire = await open(`${base.replace(/^http/, 'ws')}/ws`, { ...options, budget: as?.budget })
      wires.push(wire)
      return wire
    },
    async connect(user) {
      const wire = await world.open({ as: user })
      const welcome = await wire.ask('system.hello', 'server', { token: user.token })
      assert.equal(welcome.type, 'system.welcome', `a welcome: ${JSON.stringify(welcome)}`)
      return wire
    },
    async room(owner, others = []) {
      const { status, body } = await world.api(owner, 'POST', '/rooms', { name: 'Suite' })
      assert.equal(status, 201, `a room: ${JSON.stringify(body)}`)
      const room_id = String(body.room_id)
      rooms.push({ room_id, owner })
      for (const [user, role] of others) {
        const put = await world.api(owner, 'PUT', `/rooms/${room_id}/members/${user.user_id}`, { role })
        assert.ok(put.status < 300, `a member: ${JSON.stringify(put.body)}`)
      }
      return room_id
    },
    async enter(user, room) {
      const wire = await world.connect(user)
      const joined = await wire.ask('room.join', room, {})
      assert.equal(joined.type, 'room.joined', `joining: ${JSON.stringify(joined)}`)
      return wire
    },
    async meet(...roles) {
      const people = await world.people(roles.length)
      const [owner, ...others] = people
      assert.ok(owner)
      const room = await world.room(
        owner,
        others.map((user, index) => [user, roles[index + 1] ?? 'member']),
      )
      const peers: Wire[] = []
      for (const user of people) peers.push(await world.enter(user, room))
      return { room, users: people, peers }
    },
    async grant(wire, room_id, caps, more = {}) {
      const granted = await wire.ask('capability.request', 'server', { room_id, caps, ...more })
      assert.equal(granted.type, 'capability.granted', `a grant of ${caps.join()}: ${JSON.stringify(granted)}`)
      return String(granted.payload.token)
    },
    async settle(...settling) {
      for (const wire of settling) await wire.ask('system.ping', 'server', {})
      await delay(150)
    },
    needs(wire, feature) {
      const features = wire.welcome.payload.features as string[]
      if (!features.includes(feature)) world.skip(`the server does not announce the feature ${feature}`)
    },
    skip(reason) {
      throw new Skipped(reason)
    },
  }

  return {
    world,
    async end() {
      const faults = wires.flatMap((wire) => wire.faults)
      for (const wire of wires) wire.socket.terminate()
      for (const { room_id, owner } of rooms) await world.api(owner, 'DELETE', `/rooms/${room_id}`).catch(() => {})
      users.giveBack(lent)
      assert.deepEqual(faults, [], 'every frame of the server is as §2 and §3 say')
    },
  }
}

/** Waits. */
export const delay = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms))

/** Asserts that an answer is an error with one of these codes; returns it. */
export function refused(frame: Frame, ...codes: string[]): Frame {
  assert.ok(
    frame.type === 'error' && codes.includes(String(frame.code)),
    `expected ${codes.join(' or ')}, got ${frame.type} ${frame.code ?? ''} ${JSON.stringify(frame.payload)}`,
  )
  return frame
}

/** Asserts the status and code of a REST error, in the shape of §3. */
export function denied(answer: Answer, status: number, ...codes: string[]): Answer {
  const { type, code, message, payload } = answer.body
  assert.deepEqual(
    { status: answer.status, type, fits: codes.includes(String(code)) },
    { status, type: 'error', fits: true },
    `expected ${status} ${codes.join(' or ')}, got ${answer.status} ${JSON.stringify(answer.body)}`,
  )
  assert.equal(typeof message, 'string', 'an error has a message')
  assert.equal(typeof payload, 'object', 'an error has a payload')
  return answer
}

/** Asserts that a value has these fields, whatever else it has; returns it. */
export function has<T>(actual: T, expected: object, message?: string): T {
  for (const [key, value] of Object.entries(expected)) {
    const found = (actual as Record<string, unknown>)[key]
    const where = `${message ?? 'field'} ${key}`
    if (value instanceof RegExp) assert.match(String(found), value, where)
    else assert.deepEqual(found, value, where)
  }
  return actual
}

/** How an id of a kind is written (§2): at least 128 random bits, URL-safe. */
export const id = (kind: string): RegExp => new RegExp(`^${kind}_[A-Za-z0-9_-]{22,}$`)

/** Asserts that a connection closes with one of these codes. */
export async function closes(wire: Wire, ...codes: number[]): Promise<{ code: number; reason: string }> {
  const late = delay(8_000).then(() => ({ code: 0, reason: 'still open after 8 s' }))
  const end = await Promise.race([wire.closed, late])
  assert.ok(codes.includes(end.code), `expected a close with ${codes.join(' or ')}, got ${end.code} ${end.reason}`)
  return end
}
