import { restAuthorization } from '@mesh/core/testing'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { createRig, type Account, type Rig, type Wire } from './support.ts'

const { callers, routes, outcomeOfCall } = restAuthorization
type Caller = (typeof callers)[number]

const names = ['founder', 'owner', 'member', 'guest', 'stranger', 'another'] as const
type Name = (typeof names)[number]

let rig: Rig
let accounts: Record<Name, Account>
let wires: Record<Name, Wire>

beforeAll(async () => {
  // Each of them calls every route.
  rig = await createRig({ limits: { calls: { burst: 1_000_000, per_s: 1_000_000 } } })
  const made: (readonly [Name, Account])[] = []
  // One after the other: a queue of passwords that grows too long turns away.
  for (const name of names) made.push([name, await rig.account(name)])
  accounts = Object.fromEntries(made) as typeof accounts
  const connected = made.map(async ([name, { access_token }]) => {
    const wire = await rig.open()
    await wire.hello(access_token)
    return [name, wire] as const
  })
  wires = Object.fromEntries(await Promise.all(connected)) as typeof wires
})

afterAll(() => rig.close())

const isRole = (caller: Caller) => caller === 'owner' || caller === 'member' || caller === 'guest'
const accountOf = (caller: Caller): Name =>
  isRole(caller) ? caller : caller === 'without a token' || caller === 'no such room' ? 'founder' : 'stranger'

/** A room with another owner than any that is judged, and a member of each role. */
async function roomFor(caller: Caller): Promise<string> {
  const { founder, owner, member, guest, stranger } = accounts
  const call = (method: string, path: string, body?: object) =>
    rig.rest(method, `/api/v1/rooms${path}`, body, founder.access_token)
  const room_id = String((await call('POST', '', { name: 'Lab' })).body.room_id)
  await call('PUT', `/${room_id}/members/${owner.user_id}`, { role: 'owner' })
  await call('PUT', `/${room_id}/members/${member.user_id}`, { role: 'member' })
  await call('PUT', `/${room_id}/members/${guest.user_id}`, { role: 'guest' })
  if (caller === 'removed') {
    await call('PUT', `/${room_id}/members/${stranger.user_id}`, { role: 'owner' })
    await call('DELETE', `/${room_id}/members/${stranger.user_id}`)
  }
  return caller === 'no such room' ? `room_${'n'.repeat(22)}` : room_id
}

/** An invitation of the founder's, where there is the room. */
async function inviteTo(room_id: string): Promise<string> {
  const path = `/api/v1/rooms/${room_id}/invites`
  const { body } = await rig.rest('POST', path, { role: 'guest' }, accounts.founder.access_token)
  return String(body.invite_id ?? `inv_${'n'.repeat(22)}`)
}

/** Whom a call is about, and its body. */
function detailsOf(as: string | undefined, name: Name): { user_id: string; body?: object } {
  const { user_id } = accounts[name]
  const other = accounts[name === 'member' ? 'guest' : 'member'].user_id
  switch (as) {
    case 'name':
      return { user_id, body: { name: 'x' } }
    case 'policy':
      return { user_id, body: { policy: { relay_only: true } } }
    case 'somebody new':
      return { user_id: accounts.another.user_id, body: { role: 'guest' } }
    case 'oneself, as owner':
      return { user_id, body: { role: 'owner' } }
    case 'another':
      return { user_id: other }
    case 'for a guest':
    case 'for a member':
    case 'for an owner':
      return { user_id, body: { role: as.replace(/.* /, '') } }
    case 'call':
    case 'share:file':
      return { user_id, body: { for: wires[name].peer_id, caps: [as] } }
    default:
      return { user_id }
  }
}

describe(`the authorization table of REST, ${routes.length * callers.length} cells`, () => {
  it('has every route of a room', async () => {
    const { body } = await rig.rest('GET', '/api/v1/openapi.json')
    const published = Object.entries(body.paths as Record<string, object>).flatMap(([path, methods]) =>
      Object.keys(methods).map((method) => `${method.toUpperCase()} ${path.replace('/api/v1', '')}`),
    )
    const ofRooms = published.filter((route) => route.includes('{room_id}'))
    expect([...new Set(routes.map(({ route }) => route))].toSorted()).toEqual(ofRooms.toSorted())
  })

  it.each(routes.map((row) => ({ ...row, name: [row.route, row.as].filter(Boolean).join(', ') })))(
    '$name',
    async (row) => {
      const outcomes: Record<string, unknown> = {}
      for (const caller of callers) {
        const name = accountOf(caller)
        const room_id = await roomFor(caller)
        const { user_id, body } = detailsOf(row.as, name)
        const [method = '', path = ''] = row.route
          .replace('{room_id}', room_id)
          .replace('{user_id}', user_id)
          .replace('{invite_id}', await inviteTo(room_id))
          .split(' ')
        const token = caller === 'without a token' ? undefined : accounts[name].access_token
        const answer = await rig.rest(method, `/api/v1${path}`, body, token)
        outcomes[caller] = answer.status < 300 ? 'ok' : answer.body.code
      }
      expect(outcomes).toEqual(Object.fromEntries(callers.map((caller) => [caller, outcomeOfCall(row, caller)])))
    },
  )
})
