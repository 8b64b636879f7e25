import { randomInt } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
import { randomIds } from '@mesh/core'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { createRig, sdp, type Account, type Frame, type Rig, type Wire } from './support.ts'

// What removal-races.test.ts of core does in memory, over real sockets, REST and SQLite: a member is thrown out in the
// middle of everything. MESH_RACES sets how often, MESH_SEED which schedules.

const races = Number(process.env.MESH_RACES ?? 50)
const seed = Number(process.env.MESH_SEED ?? randomInt(2 ** 31))
const wide = { burst: 1_000_000, per_s: 1_000_000 }
const limits = {
  frames: wide,
  classes: { sdp: wide, ice: wide, chat: wide, presence: wide, capability: wide, p2p: wide, other: wide },
  connections_per_user: 10_000,
  connections_per_address: 10_000,
}
const blows = ['remove', 'demote', 'delete', 'disconnect'] as const

let rig: Rig
let ann: Account
let bob: Account

beforeAll(async () => {
  rig = await createRig({ limits })
  ;[ann, bob] = [await rig.account('ann'), await rig.account('bob')]
})

afterAll(() => rig.close())

function randomOf(start: number): (n: number) => number {
  let state = start | 1
  return (n) => {
    state = Math.imul(state, 1_664_525) + 1_013_904_223
    return ((state >>> 8) % n) | 0
  }
}

async function enter(account: Account, room: string): Promise<Wire> {
  const wire = await rig.open()
  await wire.hello(account.access_token)
  await wire.ask('room.join', room, {})
  return wire
}

const call = async (wire: Wire, room_id: string) =>
  String((await wire.ask('capability.request', 'server', { room_id, caps: ['call'] })).payload.token)

/** One schedule; returns whatever should not have come through. */
async function race(random: (n: number) => number): Promise<unknown[]> {
  const blow = blows[random(blows.length)] ?? 'remove'
  const { room_id } = await rig.mesh.rooms.create(ann.user_id, 'Race')
  await rig.mesh.rooms.setMember('administrator', room_id, bob.user_id, 'member')
  const [a, b] = [await enter(ann, room_id), await enter(bob, room_id)]
  const [cap_token, theirs] = [await call(b, room_id), await call(a, room_id)]
  const rtc_id = randomIds.id('rtc')
  const offer = (id: string, token: string) => ({ rtc_id: id, room_id, purpose: 'call', sdp: sdp(), cap_token: token })
  const candidate = { candidate: 'candidate:1 1 udp 1 192.0.2.1 9 typ host', sdpMid: '0', sdpMLineIndex: 0 }
  b.send('rtc.offer', a.peer_id, offer(rtc_id, cap_token))
  await a.next('rtc.offer')
  if (random(2)) a.send('rtc.answer', b.peer_id, { rtc_id, sdp: sdp() })

  const traffic = [
    () => b.send('chat.message.send', room_id, { text: 'from bob' }),
    () => a.send('chat.message.send', room_id, { text: 'from ann' }),
    () => b.send('rtc.ice', a.peer_id, { rtc_id, candidate }),
    () => a.send('rtc.ice', b.peer_id, { rtc_id, candidate }),
    () => b.send('rtc.offer', a.peer_id, offer(randomIds.id('rtc'), cap_token)),
    () => a.send('rtc.offer', b.peer_id, offer(randomIds.id('rtc'), theirs)),
    () => b.send('presence.update', room_id, { status: 'busy' }),
    () => b.send('room.join', room_id, {}),
    () => b.send('capability.request', 'server', { room_id, caps: ['call'] }),
  ]
  const strike = {
    remove: () => rig.rest('DELETE', `/api/v1/rooms/${room_id}/members/${bob.user_id}`, undefined, ann.access_token),
    demote: () =>
      rig.rest('PUT', `/api/v1/rooms/${room_id}/members/${bob.user_id}`, { role: 'guest' }, ann.access_token),
    delete: () => rig.rest('DELETE', `/api/v1/rooms/${room_id}`, undefined, ann.access_token),
    disconnect: async () => void rig.mesh.engine.disconnect({ peer_id: b.peer_id }),
  }[blow]
  const at = random(20)
  let struck: Promise<unknown> = Promise.resolve()
  for (let i = 0; i < 20; i++) {
    if (i === at) struck = strike()
    if (b.socket.readyState === b.socket.OPEN) traffic[random(traffic.length)]?.()
    if (random(3) === 0) await sleep(random(3))
  }
  await struck
  await a.ask('system.ping', 'server', {})
  await sleep(30)

  const slipped: unknown[] = []
  if (blow === 'demote') {
    // A guest may still call, but what was open ends with the role.
    a.send('rtc.bye', b.peer_id, { rtc_id, reason: 'hangup' })
    await a.next(({ type, code }) => type === 'error' && code === 'NOT_FOUND')
  } else slipped.push(...slippedOut(a, b.peer_id), ...slippedIn(b, a.peer_id, room_id))
  if (blow === 'remove') slipped.push(...(await saidAfterRemoval(room_id)))
  if (blow !== 'demote') {
    const bye = a.send('rtc.bye', b.peer_id, { rtc_id, reason: 'hangup' })
    expect(await a.next(({ reply_to }) => reply_to === bye)).toMatchObject({ code: 'NOT_FOUND' })
  }
  for (const { socket } of [a, b]) socket.terminate()
  return slipped.map((what) => ({ blow, what }))
}

const behind = (frames: Frame[], fits: (frame: Frame) => boolean) => {
  const at = frames.findIndex(fits)
  return at === -1 ? [] : frames.slice(at + 1)
}

function slippedOut({ frames }: Wire, peer_id: string): Frame[] {
  // A message that was stored before may be told between the news of a removal and the removal's own event; whether one was
  // stored behind it is looked up in the log.
  const isNotice = ({ type, payload }: Frame) => type === 'room.left' && payload.peer_id === peer_id
  return behind(frames, isNotice).filter(({ type, from }) => from === peer_id && type !== 'chat.message.created')
}

function slippedIn({ frames, peer_id }: Wire, other: string, room: string): Frame[] {
  const isOut = ({ type, payload }: Frame) =>
    type === 'room.left' && payload.peer_id === peer_id && payload.reason !== 'disconnected'
  return behind(frames, isOut).filter(
    ({ from, to, reply_to }) => from === other || (to === room && reply_to === undefined),
  )
}

async function saidAfterRemoval(room_id: string): Promise<unknown[]> {
  const { body } = await rig.rest('GET', `/api/v1/rooms/${room_id}/events?limit=1000`, undefined, ann.access_token)
  const log = body.data as { seq: number; type: string; payload: { user_id: string } }[]
  const removal = log.find(({ type }) => type === 'room.member.removed')?.seq ?? Infinity
  expect(log.map(({ seq }) => seq)).toEqual(log.map((_, index) => index + 1))
  return log.filter(
    ({ seq, type, payload }) => seq > removal && type.startsWith('chat.') && payload.user_id === bob.user_id,
  )
}

it(`Nothing slips through in ${races} races, seed ${seed}`, { timeout: 30_000 + races * 2_000 }, async () => {
  const random = randomOf(seed)
  const slipped: unknown[] = []
  for (let i = 0; i < races; i++) slipped.push(...(await race(randomOf(random(2 ** 24)))))
  expect(slipped).toEqual([])
})
