import { device, enrolled, login, post, type Scene } from './scene.ts'
import { enter } from './socket.ts'

/** What a request consists of that is answered well. */
export interface Sound {
  params?: Record<string, string>
  query?: string
  body?: object
  token?: string
}

/** Makes something, and returns a field of it. */
async function made(scene: Scene, operation: string, path: string, field: string, body: object): Promise<string> {
  const token = scene.people.ana.access_token
  const answer = await scene.http.ask({ operation, ...post(path), body, token })
  return String(answer.body[field])
}

const invite = (scene: Scene, field: string) =>
  made(scene, 'createInvite', `/rooms/${scene.room_id}/invites`, field, { role: 'guest' })
const room = (scene: Scene) => made(scene, 'createRoom', '/rooms', 'room_id', { name: scene.secrets.make('name') })

const as = (name: keyof Scene['people']) => (scene: Scene) => ({ token: scene.people[name].access_token })
const inRoom = (scene: Scene) => ({ params: { room_id: scene.room_id }, ...as('ana')(scene) })

/** THE table of routes: a sound request to each, in an order in which none takes away what another needs. */
export const routes: Readonly<Record<string, (scene: Scene) => Sound | Promise<Sound>>> = {
  setUp: ({ secrets, setupCode: code, root }) => {
    Object.assign(root, { username: secrets.make('name'), password: secrets.make('password') })
    return { body: { code, username: root.username, password: root.password } }
  },
  login: ({ people: { eve } }) => ({ body: { username: eve.username, password: eve.password } }),
  refresh: async (scene) => ({ body: { refresh_token: (await login(scene, scene.people.eve)).refresh_token } }),
  logout: async (scene) => ({ body: { refresh_token: (await login(scene, scene.people.eve)).refresh_token } }),
  changePassword: async (scene) => {
    const { eve } = scene.people
    const change = { current_password: eve.password, new_password: scene.secrets.make('password') }
    eve.password = change.new_password
    return { body: change, token: eve.access_token }
  },
  getMe: as('ana'),
  listUsers: ({ root, people }) => ({ query: `?username=${people.ben.username}`, token: root.access_token }),
  createUser: ({ root, secrets }) => ({
    body: { username: secrets.make('name'), password: secrets.make('password') },
    token: root.access_token,
  }),
  updateUser: ({ root, people, secrets }) => ({
    params: { user_id: people.eve.user_id },
    body: { name: secrets.make('name') },
    token: root.access_token,
  }),
  createEnrolment: as('ana'),
  enrolDevice: async (scene) => ({ body: (await device(scene, scene.people.ana)).enrolment }),
  loginDevice: async (scene) => {
    const agent = await enrolled(scene, scene.people.ana)
    return { body: { assertion: await agent.assertion() } }
  },
  listDevices: as('ana'),
  deleteDevice: async (scene) => {
    const { device_id } = await enrolled(scene, scene.people.ana)
    return { params: { device_id }, ...as('ana')(scene) }
  },
  mintToken: ({ root, secrets }) => {
    const user = { id: secrets.make('host user'), name: secrets.make('name') }
    return { body: { user, session_id: secrets.make('host session') }, token: root.access_token }
  },
  revokeAccess: ({ root, secrets }) => ({
    body: { session_id: secrets.make('host session') },
    token: root.access_token,
  }),
  createRoom: (scene) => ({ body: { name: scene.secrets.make('name') }, ...as('ana')(scene) }),
  listRooms: as('ana'),
  getRoom: inRoom,
  updateRoom: (scene) => ({ ...inRoom(scene), body: { name: scene.secrets.make('name') } }),
  listMembers: inRoom,
  setMember: ({ people: { ana, eve }, room_id }) => ({
    params: { room_id, user_id: eve.user_id },
    body: { role: 'guest' },
    token: ana.access_token,
  }),
  createInvite: (scene) => ({ ...inRoom(scene), body: { role: 'guest' } }),
  listInvites: inRoom,
  revokeInvite: async (scene) => {
    const { params, token } = inRoom(scene)
    return { params: { ...params, invite_id: await invite(scene, 'invite_id') }, token }
  },
  acceptInvite: async (scene) => ({ params: { code: await invite(scene, 'code') }, ...as('dan')(scene) }),
  grantCapabilities: async (scene) => {
    const { device_id } = await enrolled(scene, scene.people.ana)
    return { ...inRoom(scene), body: { for: device_id, caps: ['call'] } }
  },
  renewIceServers: async (scene) => {
    // Only who is connected may ask for them; the connection ends with the server.
    const { peer_id } = await enter(scene, scene.people.ana)
    const path = `/rooms/${scene.room_id}/capabilities`
    const cap_token = await made(scene, 'grantCapabilities', path, 'token', { for: peer_id, caps: ['call'] })
    return { body: { cap_token }, ...as('ana')(scene) }
  },
  listEvents: inRoom,
  listMessages: inRoom,
  removeMember: ({ people: { ana, eve }, room_id }) => ({
    params: { room_id, user_id: eve.user_id },
    token: ana.access_token,
  }),
  deleteRoom: async (scene) => ({ params: { room_id: await room(scene) }, ...as('ana')(scene) }),
  deleteUser: ({ root, people }) => ({ params: { user_id: people.eve.user_id }, token: root.access_token }),
  getOpenapi: () => ({}),
  getAsyncapi: () => ({}),
  getKeys: () => ({}),
  isAlive: () => ({}),
  isReady: () => ({}),
  getVersion: () => ({}),
}
