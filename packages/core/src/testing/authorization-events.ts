import type { ClientEventType } from '../protocol.ts'
import type { Prepared, Scene } from './authorization-scene.ts'
import { grant, newRtcId, openCall, ring, sdpOf } from './kit.ts'
import { p2pEnd } from './p2p-kit.ts'
import { controlOf, share } from './terminal-kit.ts'
import type { TestClient } from './test-mesh.ts'

/** What is sent in the cells of the authorization table, and what has to be there before. Not published. */

const roomOf = ({ world }: Scene) => world.room
const simple =
  (payload: object): Prepare =>
  async (scene) => [roomOf(scene), payload]
const toServer =
  (payload: object): Prepare =>
  async () => ['server', payload]

type Prepare = (scene: Scene, as: string) => Promise<Prepared>

const isOfOthers = (as: string) => as.includes('of others')
/** Who has a part in what an event is about. */
const partyOf = ({ party, owner }: Scene, as: string) => (isOfOthers(as) ? owner : party)

/** An offer within a session that is open, or a new one. */
const offer: Prepare = async (scene, as) => {
  const { other } = scene
  const room_id = roomOf(scene)
  const rtc_id = as === 'new' ? newRtcId() : await openCall(partyOf(scene, as), other, room_id)
  return [other.peer_id, { rtc_id, room_id, purpose: 'call', sdp: sdpOf() }]
}

/** A signal of a session that is open. */
const signal =
  (payload: object): Prepare =>
  async (scene, as) => {
    const rtc_id = await openCall(partyOf(scene, as), scene.other, roomOf(scene))
    return [scene.other.peer_id, { rtc_id, ...payload }]
  }

async function askFor(scene: Scene, from: TestClient, to: TestClient): Promise<string> {
  const room_id = roomOf(scene)
  const cap_token = await grant(from, room_id, ['share:file'])
  from.send('p2p.session.request', to.peer_id, { ...p2pEnd(), room_id, purpose: 'share:file', cap_token })
  return String((await to.next('p2p.session.request')).payload.session_id)
}

/** What the peer says that was asked for a session. */
const reply =
  (payload: object): Prepare =>
  async (scene, as) => {
    const session_id = await askFor(scene, scene.other, partyOf(scene, as))
    return ['server', { session_id, ...payload }]
  }

/** About a session that is open. */
const session =
  (payload: object): Prepare =>
  async (scene, as) => {
    const session_id = await askFor(scene, partyOf(scene, as), scene.other)
    await scene.other.ask('p2p.session.accept', 'server', { session_id, ...p2pEnd() })
    return ['server', { session_id, ...payload }]
  }

/** About a terminal that the other end shares, controlled by `holder` where there is one. */
async function terminal(scene: Scene, holder?: TestClient) {
  const { other } = scene
  const terminal_id = await share(other, roomOf(scene))
  if (!holder) return { terminal_id }
  const cap_token = await controlOf(holder, roomOf(scene), other)
  const granted = await holder.ask('terminal.control.take', 'server', { terminal_id, cap_token })
  if (granted.type !== 'terminal.control.granted') throw new Error(`not granted but ${granted.code}`)
  return { terminal_id, fence: Number(granted.payload.fence) }
}

/** The event of each rule; the compiler names one that is missing. */
export const preparations: Readonly<Record<ClientEventType, Prepare>> = {
  'system.hello': async ({ proof }) => ['server', { token: proof }],
  'system.ping': toServer({}),
  'system.pong': toServer({}),
  'system.ack': toServer({ received: 0 }),
  'system.token.refresh': async ({ proof, world }, as) => {
    const somebodyElse = JSON.stringify({ ...(JSON.parse(proof) as object), user_id: world.cleo })
    return ['server', { token: as === 'with a token of its own' ? proof : somebodyElse }]
  },
  'room.join': simple({}),
  'room.leave': simple({}),
  'presence.update': simple({ status: 'busy' }),
  'chat.message.send': simple({ text: 'x' }),
  'capability.request': async (scene, as) => {
    const device_id = `dev_${'o'.repeat(22)}`
    const isOwn = as.endsWith('of a device of its own')
    if (isOwn) await scene.ownDevice(device_id)
    const target = isOwn ? { target_device_id: device_id } : { target_peer_id: scene.other.peer_id }
    const caps = as.replace(/,.*/, '').split(' and ')
    return ['server', { room_id: roomOf(scene), caps, ...target }]
  },
  'rtc.offer': offer,
  'rtc.answer': async (scene, as) => {
    const rtc_id = await ring(scene.other, roomOf(scene), partyOf(scene, as).peer_id)
    return [scene.other.peer_id, { rtc_id, sdp: sdpOf() }]
  },
  'rtc.ice': signal({ candidate: null }),
  'rtc.bye': signal({ reason: 'hangup' }),
  'p2p.session.request': async (scene) => [
    scene.other.peer_id,
    { ...p2pEnd(), room_id: roomOf(scene), purpose: 'share:file' },
  ],
  'p2p.session.accept': reply(p2pEnd()),
  'p2p.session.reject': reply({ reason: 'busy' }),
  'p2p.session.renew': session({}),
  'p2p.session.closed': session({ reason: 'completed' }),
  'terminal.share.start': async (scene) => [roomOf(scene), { room_id: roomOf(scene), title: 'x' }],
  'terminal.share.stop': async (scene, as) => [
    'server',
    { terminal_id: await share(isOfOthers(as) ? scene.other : scene.party, roomOf(scene)) },
  ],
  'terminal.control.take': async (scene, as) => {
    const { terminal_id } = await terminal(scene, as.includes('another holds it') ? scene.owner : undefined)
    return ['server', { terminal_id, ...(as.startsWith('by force') ? { force: true } : {}) }]
  },
  'terminal.control.renew': async (scene, as) => ['server', await terminal(scene, partyOf(scene, as))],
  'terminal.control.release': async (scene, as) => ['server', await terminal(scene, partyOf(scene, as))],
}
