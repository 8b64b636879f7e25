import type { Role } from '../acl.ts'
import { randomIds } from '../ids.ts'
import { createManualClock } from './manual-clock.ts'
import { createTestMesh, type Frame, type TestClient, type TestMesh, type TestMeshOptions } from './test-mesh.ts'

/** What the engine's own tests share. Not published. */

const rate = { burst: 1_000_000, per_s: 1_000_000 }
const roomy = (bytes: number) => ({ bytes, ...rate })

/** Limits that no test runs into by accident: sizes as they are, rates and heartbeat out of the way. */
export const unhurried = {
  frames: rate,
  bytes: { burst: 1e9, per_s: 1e9 },
  heartbeat_s: 86_400,
  // A peer whose socket is gone is gone; what resuming does has tests of its own.
  resume_window_s: 0,
  classes: {
    sdp: roomy(65_536),
    ice: roomy(1_024),
    chat: roomy(4_096),
    presence: roomy(512),
    capability: roomy(1_024),
    p2p: roomy(8_192),
    terminal: roomy(1_024),
    other: roomy(8_192),
  },
}

/** A room with an owner (ann), a member (bob) and a guest (cleo); dan has nothing to do with it. Time stands still. */
export async function createWorld(options: TestMeshOptions = {}) {
  const clock = createManualClock()
  const t = await createTestMesh({ clock, ...options, limits: options.limits ?? unhurried })
  const [ann, bob, cleo, dan] = [await t.user('ann'), await t.user('bob'), await t.user('cleo'), await t.user('dan')]
  const room = await t.room(ann, { [bob]: 'member', [cleo]: 'guest' })
  return {
    ...t,
    clock,
    ann,
    bob,
    cleo,
    dan,
    room,
    /** Connects and joins the room. */
    async enter(user_id: string, tokenOptions?: Parameters<TestMesh['connect']>[1]): Promise<TestClient> {
      const client = await t.connect(user_id, tokenOptions)
      await join(client, room)
      return client
    },
    setRole: (user_id: string, role: Role) => t.mesh.rooms.setMember('administrator', room, user_id, role),
    remove: (user_id: string) => t.mesh.rooms.removeMember('administrator', room, user_id),
    setCaps: (caps: Partial<Record<Role, string[]>>) =>
      t.mesh.rooms.update('administrator', room, { policy: { caps } }),
  }
}

export type World = Awaited<ReturnType<typeof createWorld>>

/** Joins a room; an error throws. */
export async function join(client: TestClient, room: string): Promise<Frame> {
  const joined = await client.ask('room.join', room, {})
  if (joined.type !== 'room.joined') throw new Error(`not joined but ${joined.code}`)
  return joined
}

/** What a client has to show to come back. */
export const resumeOf = (client: TestClient, received = client.frames.length - 1) => {
  const welcome = client.frames[0] as Frame
  const { token } = welcome.payload.resume as { token: string }
  return { session_id: welcome.payload.session_id, token, received }
}

/** Comes back over a new connection; the frames after the welcome are on the client that this returns. */
export async function comeBack(
  w: World,
  user_id: string,
  resume: object,
  device_id?: string,
  hello: object = {},
): Promise<TestClient> {
  const client = w.open()
  const token = await w.token(user_id, device_id === undefined ? {} : { device_id })
  client.send('system.hello', 'server', { token, resume }, hello)
  await client.next('system.welcome')
  return client
}

/** Asks for a capability token; an error throws. */
export async function grant(client: TestClient, room_id: string, caps: string[], extra: object = {}): Promise<string> {
  const granted = await client.ask('capability.request', 'server', { room_id, caps, ...extra })
  if (granted.type !== 'capability.granted') throw new Error(`not granted but ${granted.code}`)
  return String(granted.payload.token)
}

/** Waits until everything that a client has sent so far is done, and all that follows from it at once. */
export async function settle(...clients: TestClient[]): Promise<void> {
  for (const client of clients) await client.ask('system.ping', 'server', {})
  for (let i = 0; i < 50; i++) await Promise.resolve()
}

/** The types of the frames that a client got, without the system's own, from an index on. */
export function heard(client: TestClient, from = 0): string[] {
  return client.frames.slice(from).flatMap(({ type }) => (type.startsWith('system.') ? [] : [type]))
}

/** A frame as text, with whatever is to be wrong about it. */
export function frameText(overrides: object = {}): string {
  const sound = {
    type: 'system.ping',
    id: randomIds.uuid(),
    timestamp: '2026-01-01T00:00:00.000Z',
    to: 'server',
    payload: {},
  }
  return JSON.stringify({ ...sound, ...overrides })
}

export const newRtcId = () => randomIds.id('rtc')

const fingerprint = `a=fingerprint:sha-256 ${Array(32).fill('AB').join(':')}`

/** A session description with these media lines; `lines` stand before them. */
export function sdpOf(media: string[] = ['audio'], lines: string[] = [fingerprint]): string {
  const head = ['v=0', 'o=- 1 1 IN IP4 127.0.0.1', 's=-', 't=0 0']
  return [...head, ...lines, ...media.map((kind) => `m=${kind} 9 UDP/TLS/RTP/SAVPF 111`), ''].join('\r\n')
}

/** A candidate as a browser sends it. */
export const candidateOf = (text: string) => ({
  candidate: `candidate:${text}`,
  sdpMid: '0',
  sdpMLineIndex: 0,
  usernameFragment: 'u',
})

/** Opens a signaling session and returns its id; the offer is sent, not awaited. */
export async function ring(
  caller: TestClient,
  room_id: string,
  to: string,
  extra: { purpose?: string; rtc_id?: string } = {},
): Promise<string> {
  const { purpose = 'call', rtc_id = newRtcId() } = extra
  const cap_token = await grant(caller, room_id, [purpose])
  const media = purpose.startsWith('share') || purpose.startsWith('terminal') ? 'application' : 'audio'
  caller.send('rtc.offer', to, { rtc_id, room_id, purpose, sdp: sdpOf([media]), cap_token })
  await settle(caller)
  return rtc_id
}

/** Opens a signaling session and lets the other end answer. */
export async function openCall(caller: TestClient, callee: TestClient, room_id: string): Promise<string> {
  const rtc_id = await ring(caller, room_id, callee.peer_id)
  callee.send('rtc.answer', caller.peer_id, { rtc_id, sdp: sdpOf() })
  await settle(callee)
  return rtc_id
}
