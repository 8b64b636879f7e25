import { createKeyring, generateSigningKey, publicJwkOf, randomIds, issueAssertion } from '@mesh/core'
import type { Answer, Http } from './http.ts'
import type { Places } from './places.ts'
import type { Secrets } from './secrets.ts'

/** Somebody with an account, logged in. */
export interface Person {
  username: string
  password: string
  user_id: string
  access_token: string
  refresh_token: string
}

/** Who is there, and what for: ana and ben meet, cyd looks on from the same room, dan from outside, eve is there to be ruined. */
export const names = ['ana', 'ben', 'cyd', 'dan', 'eve'] as const

/** Everything that requests are made of. */
export interface Scene {
  readonly http: Http
  readonly secrets: Secrets
  readonly places: Places
  readonly url: string
  readonly issuer: string
  root: Person
  people: Record<(typeof names)[number], Person>
  room_id: string
  setupCode: string
}

/** Logs in. */
export async function login({ http }: Scene, { username, password }: Pick<Person, 'username' | 'password'>) {
  const body = { username, password }
  const { status, body: answer } = await http.ask({ operation: 'login', ...post('/auth/login'), body })
  if (status !== 200) throw new Error(`no login but ${status}`)
  const { access_token, refresh_token } = answer
  const { user_id } = answer['user'] as { user_id: string }
  return { ...body, user_id, access_token: String(access_token), refresh_token: String(refresh_token) }
}

/** Makes the accounts and a room with its members, once there is an administrator. */
export async function people(scene: Scene): Promise<void> {
  const { http, secrets } = scene
  for (const name of names) {
    const account = { username: secrets.make('name'), password: secrets.make('password') }
    const create = { operation: 'createUser', ...post('/users'), body: account, token: scene.root.access_token }
    requireOk(await http.ask(create))
    scene.people[name] = await login(scene, account)
  }
  const { ana, ben, cyd } = scene.people
  const token = ana.access_token
  const made = await http.ask({
    operation: 'createRoom',
    ...post('/rooms'),
    body: { name: secrets.make('name') },
    token,
  })
  scene.room_id = String(made.body['room_id'])
  for (const { user_id } of [ben, cyd]) {
    const path = `/api/v1/rooms/${scene.room_id}/members/${user_id}`
    requireOk(await http.ask({ operation: 'setMember', method: 'PUT', path, body: { role: 'member' }, token }))
  }
}

/** An agent of somebody's: enrolled, with its key at hand. */
export async function device({ http, secrets, issuer }: Scene, { access_token }: Person) {
  const key = await generateSigningKey()
  secrets.keep('device key', String(key.d))
  const ring = await createKeyring([key])
  const { body } = await http.ask({ operation: 'createEnrolment', ...post('/devices/enrolments'), token: access_token })
  const enrolment = { code: body['code'], name: secrets.make('name'), public_jwk: publicJwkOf(key) }
  const assertion = async (device_id: string) =>
    secrets.keep('assertion', await issueAssertion(ring, { device_id, issuer, jti: randomIds.uuid(), now: Date.now() }))
  return { enrolment, assertion }
}

/** An agent that the server knows. */
export async function enrolled(scene: Scene, person: Person) {
  const { enrolment, assertion } = await device(scene, person)
  const { body } = await scene.http.ask({ operation: 'enrolDevice', ...post('/devices/enrol'), body: enrolment })
  const device_id = String(body['device_id'])
  return { device_id, assertion: () => assertion(device_id) }
}

/** Method and path of a request that makes something. */
export const post = (path: string) => ({ method: 'POST', path: `/api/v1${path}` })

function requireOk({ status, body }: Answer): void {
  if (status >= 300) throw new Error(`${status} ${String(body['message'])}`)
}
