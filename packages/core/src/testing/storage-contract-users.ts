import { addRoom, addUsers, ok, rejects, same, userOf, type StorageCase } from './storage-contract-kit.ts'
import { isMeshError } from '../errors.ts'

/** What the port promises of users. */
export const userCases: readonly StorageCase[] = [
  {
    name: 'users: a user is found as it was created, by id and by name; absence is undefined',
    async run({ users }) {
      const ada = { ...userOf('usr_a', 'Ada Lovelace 🧮'), admin: true }
      same(await users.create(ada), 'created', 'create')
      same(await users.find('usr_a'), ada, 'find')
      same(await users.findByName('Ada Lovelace 🧮'), ada, 'findByName')
      same(await users.find('usr_b'), undefined, 'an unknown id')
      same(await users.findByName('nobody'), undefined, 'an unknown name')
      same(await users.update('usr_b', { admin: true }), undefined, 'update of nobody')
    },
  },
  {
    name: 'users: login names are unique without regard to case or compatibility forms',
    async run({ users }) {
      same(await users.create(userOf('usr_a', 'Ärger')), 'created', 'first')
      for (const name of ['Ärger', 'ärger', 'ÄRGER', 'A\u0308RGER']) {
        same(await users.create(userOf('usr_b', name)), 'taken', name)
        same((await users.findByName(name))?.user_id, 'usr_a', `findByName ${name}`)
      }
      same(await users.create(userOf('usr_c', 'ΣΟΦΙΑ')), 'created', 'Greek')
      same(await users.create(userOf('usr_d', 'σοφια')), 'taken', 'Greek in lower case')
      same(await users.create(userOf('usr_e', 'ｆｕｌｌ')), 'created', 'full width')
      same(await users.create(userOf('usr_f', 'Full')), 'taken', 'the same in ASCII')
      same(
        await users.create(userOf('usr_g', 'i\u0307')),
        'created',
        'what a capital I with a dot becomes in small letters',
      )
      same(await users.create(userOf('usr_h', '\u0130')), 'taken', 'the capital I with a dot')
      same(await users.find('usr_b'), undefined, 'a taken name adds nobody')
      same((await users.find('usr_a'))?.username, 'Ärger', 'the name is kept as it was written')
    },
  },
  {
    name: 'users: of parallel creations with one name exactly one wins',
    async run({ users }) {
      const names = ['ada', 'ADA', 'Ada', 'aDa']
      const outcomes = await Promise.all(names.map((name, index) => users.create(userOf(`usr_${index}`, name))))
      same(outcomes.sort(), ['created', 'taken', 'taken', 'taken'], 'outcomes')
      same((await users.list({ limit: 10 })).length, 1, 'users')
    },
  },
  {
    name: 'users: of several first administrators exactly one is created, and none where there is one',
    async run({ users }) {
      const admin = (id: string) => ({ ...userOf(id), admin: true })
      await users.create(userOf('usr_x', 'taken'))
      same(await users.hasAdmin(), false, 'a user is no administrator')
      same(await users.createFirstAdmin({ ...admin('usr_y'), username: 'TAKEN' }), 'taken', 'a login name in use')
      await users.create({ ...admin('usr_z'), disabled: true })
      same(await users.hasAdmin(), false, 'a disabled administrator is none')
      const ids = Array.from({ length: 8 }, (_, index) => `usr_${index}`)
      const outcomes = await Promise.all(ids.map((id) => users.createFirstAdmin(admin(id))))
      same(outcomes.filter((outcome) => outcome === 'created').length, 1, 'created')
      same(outcomes.filter((outcome) => outcome === 'late').length, 7, 'late')
      same(await users.hasAdmin(), true, 'there is one')
      same((await users.list({ limit: 20 })).length, 3, 'users')
      same(await users.createFirstAdmin(admin('usr_9')), 'late', 'afterwards')
    },
  },
  {
    name: 'users: ensure adds a host user without a login name, and brings its name up to date',
    async run({ users }) {
      await users.ensure({ user_id: 'usr_h', username: 'Ada', created_at: 1 })
      const added = { ...userOf('usr_h', 'Ada'), hashed_password: null, created_at: 1 }
      same(await users.find('usr_h'), added, 'added')
      same(await users.findByName('ada'), undefined, 'a host user has no login name')
      await users.ensure({ user_id: 'usr_i', username: 'ADA', created_at: 2 })
      same(await users.create(userOf('usr_b', 'ada')), 'created', 'host users do not take login names')
      same((await users.findByName('ADA'))?.user_id, 'usr_b', 'the built-in account has it')
      await users.update('usr_h', { disabled: true })
      await users.ensure({ user_id: 'usr_h', username: 'Ada L', created_at: 9 })
      const renamed = { ...added, username: 'Ada L', disabled: true }
      same(await users.find('usr_h'), renamed, 'only the name changed')
      const external = { issuer: 'https://idp.test', subject: '17' }
      await users.ensure({ user_id: 'usr_h', username: 'Ada L', created_at: 9, external })
      same(await users.find('usr_h'), { ...renamed, external }, 'where it comes from')
      await users.ensure({ user_id: 'usr_h', username: 'Ada L', created_at: 9 })
      same(await users.find('usr_h'), { ...renamed, external }, 'what is not given stays')
      await users.ensure({ user_id: 'usr_j', username: 'Joe', created_at: 9, external })
      same((await users.find('usr_j'))?.external, external, 'known from the first time')
    },
  },
  {
    name: 'users: ensure leaves a built-in account alone',
    async run({ users }) {
      await users.create(userOf('usr_a', 'ada'))
      await users.ensure({ user_id: 'usr_a', username: 'root', created_at: 5 })
      same(await users.find('usr_a'), userOf('usr_a', 'ada'), 'unchanged')
    },
  },
  {
    name: 'users: update changes what is given and nothing else',
    async run({ users }) {
      await users.create(userOf('usr_a', 'ada'))
      const expected = { ...userOf('usr_a', 'ada'), disabled: true }
      same(await users.update('usr_a', { disabled: true }), expected, 'disabled')
      same(await users.update('usr_a', {}), expected, 'nothing given')
      const changed = { ...expected, username: 'Grace', hashed_password: 'other', admin: true, disabled: false }
      const { username, hashed_password, admin, disabled } = changed
      same(await users.update('usr_a', { username, hashed_password, admin, disabled }), changed, 'all given')
      same(await users.find('usr_a'), changed, 'find')
      same(await users.findByName('ADA'), undefined, 'the old name is free')
      same(await users.findByName('GRACE'), changed, 'the new name is known')
      same((await users.update('usr_a', { username: 'GRACE' }))?.username, 'GRACE', 'another way to write the same')
    },
  },
  {
    name: 'users: a rename to a taken login name is a CONFLICT and changes nothing',
    async run(storage) {
      await addUsers(storage, 'usr_a', 'usr_b')
      const reason = await rejects(storage.users.update('usr_b', { username: 'USR_A NAME', admin: true }), 'rename')
      ok(isMeshError(reason) && reason.code === 'CONFLICT', `CONFLICT, not ${reason.message}`)
      same(await storage.users.find('usr_b'), userOf('usr_b'), 'unchanged')
    },
  },
  {
    name: 'users: of administrators who throw each other out at once one stays, and who is none changes nobody',
    async run({ users }) {
      for (const [round, change] of [
        { admin: false },
        { disabled: true },
        { admin: false, disabled: true },
      ].entries()) {
        for (let pair = 0; pair < 8; pair++) {
          const [a, b] = [`usr_a${round}${pair}`, `usr_b${round}${pair}`]
          for (const id of [a, b]) await users.create({ ...userOf(id), admin: true })
          const outcomes = await Promise.allSettled([users.update(a, change, b), users.update(b, change, a)])
          const reasons = outcomes.flatMap((outcome) =>
            outcome.status === 'rejected' ? [outcome.reason as unknown] : [],
          )
          same(reasons.length, 1, `refused of two who change ${JSON.stringify(change)}`)
          ok(isMeshError(reasons[0]) && reasons[0].code === 'ACCESS_DENIED', `ACCESS_DENIED, not ${String(reasons[0])}`)
          const stayed = [await users.find(a), await users.find(b)].filter((user) => user?.admin && !user.disabled)
          same(stayed.length, 1, 'administrators left')
        }
      }
      await users.create(userOf('usr_c'))
      await users.create(userOf('usr_d'))
      for (const by of ['usr_d', 'usr_nobody']) {
        const reason = await rejects(users.update('usr_c', { admin: true }, by), `by ${by}`)
        ok(isMeshError(reason) && reason.code === 'ACCESS_DENIED', `ACCESS_DENIED, not ${reason.message}`)
      }
      same(await users.find('usr_c'), userOf('usr_c'), 'unchanged')
    },
  },
  {
    name: 'users: lists come in pages by ascending id',
    async run(storage) {
      await addUsers(storage, 'usr_c', 'usr_a', 'usr_e', 'usr_B', 'usr_d')
      const ids = async (after: string | undefined, limit: number) =>
        (await storage.users.list({ after, limit })).map(({ user_id }) => user_id)
      same(await ids(undefined, 2), ['usr_B', 'usr_a'], 'first page')
      same(await ids('usr_a', 2), ['usr_c', 'usr_d'], 'second page')
      same(await ids('usr_d', 2), ['usr_e'], 'last page')
      same(await ids('usr_e', 2), [], 'beyond the end')
      same(await ids('usr_b', 9), ['usr_c', 'usr_d', 'usr_e'], 'after an id that is not there')
    },
  },
  {
    name: 'users: a new name shows in every room at once',
    async run(storage) {
      await addUsers(storage, 'usr_a')
      await addRoom(storage, 'room_1', 'usr_a')
      await storage.users.update('usr_a', { username: 'Grace' })
      same((await storage.rooms.member('room_1', 'usr_a'))?.username, 'Grace', 'member')
      same((await storage.rooms.snapshot('room_1'))?.members[0]?.username, 'Grace', 'snapshot')
    },
  },
  {
    name: 'users: what is handed out is a copy',
    async run({ users }) {
      const ada = userOf('usr_a', 'ada')
      await users.create(ada)
      ada.admin = true
      const found = await users.find('usr_a')
      ok(found, 'found')
      found.admin = true
      same(await users.find('usr_a'), userOf('usr_a', 'ada'), 'unchanged')
    },
  },
  {
    name: 'users: a fresh hash takes the place of the one it was made for, and of no other',
    async run(storage) {
      await addUsers(storage, 'usr_a', 'usr_b')
      const hashOf = async (user_id: string) => (await storage.users.find(user_id))?.hashed_password
      same(await storage.users.rehash('usr_a', { from: '$2b$12$hash', to: 'fresh' }), true, 'it did')
      same(await hashOf('usr_a'), 'fresh', 'in its place')
      same(await storage.users.rehash('usr_a', { from: '$2b$12$hash', to: 'stale' }), false, 'it did not')
      same(await hashOf('usr_a'), 'fresh', 'another password was set meanwhile')
      same(await hashOf('usr_b'), '$2b$12$hash', 'of this user alone')
      same(await storage.users.rehash('usr_c', { from: '$2b$12$hash', to: 'fresh' }), false, 'no such user')
    },
  },
]
