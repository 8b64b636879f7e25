import type { HostQuestion } from '@mesh/server'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { createRig, sdp, type Rig, type Wire } from './support.ts'

// Who somebody is stands in the token here; what the host thinks of a question is up to each test.
const asked: HostQuestion[] = []
let decide: (question: HostQuestion) => boolean | undefined = () => undefined
let rig: Rig
let room = ''
let ids: Record<string, string> = {}

const call = (who: string, method: string, path: string, body?: object) =>
  rig.rest(method, `/api/v1${path}`, body, `${who}-token`)

async function enter(who: string): Promise<Wire> {
  const wire = await rig.open()
  await wire.hello(`${who}-token`)
  return wire
}

const join = async (wire: Wire) => {
  const { type, code } = await wire.ask('room.join', room, {})
  return code ?? type
}

beforeAll(async () => {
  rig = await createRig({
    authenticate: ({ token }) => ({ id: token ?? '', name: token?.split('-')[0], kind: 'user', roles: ['crew'] }),
    authorize(question) {
      asked.push(question)
      return decide(question)
    },
    limits: { attempts: { handshake: { burst: 1_000, per_s: 1_000 } } },
  })
  for (const who of ['ann', 'bob', 'cleo', 'dan', 'eve']) {
    ids[who] = String((await call(who, 'GET', '/me')).body.user_id)
  }
  room = String((await call('ann', 'POST', '/rooms', { name: 'Room' })).body.room_id)
  await call('ann', 'PUT', `/rooms/${room}/members/${ids.bob}`, { role: 'member' })
  await call('ann', 'PUT', `/rooms/${room}/members/${ids.cleo}`, { role: 'guest' })
})

afterAll(() => rig.close())

beforeEach(() => {
  asked.length = 0
  decide = () => undefined
})

describe('the host may overrule who may what', () => {
  // The table of docs/security.md, row by row: how each is asked for, and who may by the rules alone.
  const rows: [action: string, who: Record<string, boolean>, ask: (who: string) => Promise<unknown>][] = [
    ['room.create', { ann: true, dan: true }, async (who) => (await call(who, 'POST', '/rooms', { name: 'N' })).status],
    ['room.join', { bob: true, dan: false }, async (who) => (await call(who, 'GET', `/rooms/${room}`)).status],
    [
      'room.history',
      { cleo: true, dan: false },
      async (who) => (await call(who, 'GET', `/rooms/${room}/events`)).status,
    ],
    [
      'room.members',
      { ann: true, bob: false },
      async (who) => (await call(who, 'PUT', `/rooms/${room}/members/${ids.eve}`, { role: 'guest' })).status,
    ],
    [
      'room.invite',
      { ann: true, cleo: false },
      async (who) => (await call(who, 'POST', `/rooms/${room}/invites`, { role: 'guest' })).status,
    ],
    [
      'room.update',
      { ann: true, bob: false },
      async (who) => (await call(who, 'PATCH', `/rooms/${room}`, { name: 'R' })).status,
    ],
  ]
  const cells = rows.flatMap(([action, who, ask]) =>
    Object.entries(who).map(([name, defaultDecision]) => ({ action, name, defaultDecision, ask })),
  )

  it.each(cells)('$action by $name, by the rules $defaultDecision', async ({ action, name, defaultDecision, ask }) => {
    const isGood = async () => Number(await ask(name)) < 400
    expect(await isGood()).toBe(defaultDecision)
    const principal = { id: `${name}-token`, name, kind: 'user', roles: ['crew'], user_id: ids[name] }
    expect(asked).toMatchObject([{ action, defaultDecision, principal }])
    decide = () => !defaultDecision
    expect(await isGood()).toBe(!defaultDecision)
  })

  it('room.delete, for whom the rules would not let', async () => {
    const own = String((await call('ann', 'POST', '/rooms', { name: 'Own' })).body.room_id)
    expect((await call('bob', 'DELETE', `/rooms/${own}`)).status).toBe(403)
    decide = ({ action }) => (action === 'room.delete' ? true : undefined)
    expect((await call('bob', 'DELETE', `/rooms/${own}`)).status).toBe(204)
  })

  it('a member may be kept from joining, and somebody else let in, who is a guest from then on', async () => {
    const [bob, dan] = [await enter('bob'), await enter('dan')]
    expect(await join(dan)).toBe('ACCESS_DENIED')
    decide = ({ principal }) => principal.name === 'dan'
    expect(await join(bob)).toBe('ACCESS_DENIED')
    expect(await join(dan)).toBe('room.joined')
    expect(asked.at(-1)).toMatchObject({ action: 'room.join', resource: { room_id: room }, defaultDecision: false })
    decide = () => undefined
    const { body } = await call('ann', 'GET', `/rooms/${room}/members`)
    expect(body.data).toContainEqual(expect.objectContaining({ user_id: ids.dan, role: 'guest' }))
    for (const wire of [bob, dan]) wire.socket.close(1000, 'leave')
  })
})

describe('a capability', () => {
  const request = async (wire: Wire, cap: string, target_peer_id?: string) =>
    wire.ask('capability.request', 'server', { room_id: room, caps: [cap], ...(target_peer_id && { target_peer_id }) })

  it('is refused where the host says so, and good on every use where the host allows more than the role', async () => {
    const [ann, cleo] = [await enter('ann'), await enter('cleo')]
    for (const wire of [ann, cleo]) await join(wire)
    decide = ({ resource: { cap } }) => (cap === 'call' ? false : cap === 'screen' ? true : undefined)
    expect(await request(cleo, 'call')).toMatchObject({ code: 'ACCESS_DENIED' })
    expect(await request(cleo, 'share:file')).toMatchObject({ code: 'ACCESS_DENIED' })
    const { payload } = await request(cleo, 'screen')
    const resource = { room_id: room, cap: 'screen', role: 'guest' }
    expect(asked.at(-1)).toMatchObject({ action: 'capability', resource, defaultDecision: false })

    asked.length = 0
    const offer = (rtc_id: string) =>
      cleo.send('rtc.offer', ann.peer_id, {
        rtc_id,
        room_id: room,
        purpose: 'screen',
        sdp: sdp('video'),
        cap_token: payload.token,
      })
    offer(`rtc_${'a'.repeat(22)}`)
    expect((await ann.next('rtc.offer')).from).toBe(cleo.peer_id)
    // What is passed on asks nobody.
    expect(asked).toEqual([])
    await call('ann', 'PATCH', `/rooms/${room}`, { policy: { max_rate: 1 } })
    const late = offer(`rtc_${'b'.repeat(22)}`)
    expect(await cleo.next((frame) => frame.reply_to === late)).toMatchObject({ code: 'CAP_INVALID' })
    for (const wire of [ann, cleo]) wire.socket.close(1000, 'leave')
  })

  it('to control a terminal is asked for by its name and target', async () => {
    const [ann, bob] = [await enter('ann'), await enter('bob')]
    for (const wire of [ann, bob]) await join(wire)
    expect(await request(bob, 'terminal:control', ann.peer_id)).toMatchObject({ code: 'ACCESS_DENIED' })
    expect(asked.at(-1)).toMatchObject({ resource: { cap: 'terminal:control', target: ann.peer_id, role: 'member' } })
    decide = () => true
    expect((await request(bob, 'terminal:control', ann.peer_id)).type).toBe('capability.granted')
    for (const wire of [ann, bob]) wire.socket.close(1000, 'leave')
  })
})

it('a hook that throws is a no, and a fault', async () => {
  decide = () => {
    throw new Error('boom')
  }
  expect((await call('ann', 'GET', `/rooms/${room}`)).status).toBe(500)
})
