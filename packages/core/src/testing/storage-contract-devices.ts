import type { Storage } from '../ports/index.ts'
import { addUsers, ok, range, same, type StorageCase } from './storage-contract-kit.ts'

const deviceOf = (device_id: string, created_at = 2_000) => ({
  device_id,
  name: `${device_id} name`,
  public_key: `${device_id} key`,
  jkt: `${device_id} jkt`,
  created_at,
  expires_at: 90_000,
})

const codeOf = (code_hash: string, user_id = 'usr_a', created_at = 1_000) => ({
  code_hash,
  user_id,
  created_at,
  expires_at: created_at + 10_000,
})

/** Enrols a device of each of these ids, by a code of its own. */
async function enrol(storage: Storage, user_id: string, ...ids: string[]): Promise<void> {
  for (const id of ids) {
    same(await storage.enrolments.create(codeOf(`hash of ${id}`, user_id), 100), 'created', `a code for ${id}`)
    same((await storage.enrolments.redeem(`hash of ${id}`, deviceOf(id), 100)).outcome, 'enrolled', id)
  }
}

const spend = (storage: Storage, jti: string, now = 5_000, device_id = 'dev_1') =>
  storage.devices.spend({ device_id, jti, now, keep_until: now + 1_000, max: 3 })

/** What the port promises of devices and of the codes they are enrolled with. */
export const deviceCases: readonly StorageCase[] = [
  {
    name: 'devices: a code makes one device of its user, which is found as it was given',
    async run(storage) {
      await addUsers(storage, 'usr_a')
      same(await storage.enrolments.create(codeOf('c1'), 5), 'created', 'create')
      const device = { ...deviceOf('dev_1'), user_id: 'usr_a', last_seen: null }
      same(await storage.enrolments.redeem('c1', deviceOf('dev_1'), 5), { outcome: 'enrolled', device }, 'redeem')
      same(await storage.devices.find('dev_1'), device, 'find')
      same(await storage.enrolments.redeem('c1', deviceOf('dev_2'), 5), { outcome: 'unknown' }, 'the code again')
      same(await storage.enrolments.redeem('c2', deviceOf('dev_2'), 5), { outcome: 'unknown' }, 'no such code')
      same(await storage.devices.find('dev_2'), undefined, 'nothing was written')
    },
  },
  {
    name: 'devices: of 20 that redeem one code at once exactly one gets it',
    async run(storage) {
      await addUsers(storage, 'usr_a')
      await storage.enrolments.create(codeOf('c1'), 5)
      const results = await Promise.all(
        range(1, 20).map((n) => storage.enrolments.redeem('c1', deviceOf(`dev_${n}`), 50)),
      )
      same(results.filter(({ outcome }) => outcome === 'enrolled').length, 1, 'enrolled')
      same((await storage.devices.list({ limit: 50 })).length, 1, 'devices')
    },
  },
  {
    name: 'devices: an expired code and the code of a disabled user are unknown',
    async run(storage) {
      await addUsers(storage, 'usr_a', 'usr_b')
      await storage.enrolments.create(codeOf('c1'), 5)
      await storage.enrolments.create(codeOf('c2', 'usr_b'), 5)
      same((await storage.enrolments.redeem('c1', deviceOf('dev_1', 11_000), 5)).outcome, 'unknown', 'in that very ms')
      await storage.users.update('usr_b', { disabled: true })
      same((await storage.enrolments.redeem('c2', deviceOf('dev_1'), 5)).outcome, 'unknown', 'disabled')
      same((await storage.enrolments.redeem('c1', deviceOf('dev_1', 10_999), 5)).outcome, 'enrolled', 'just before')
    },
  },
  {
    name: 'devices: as many codes and devices a user as may be; expired codes do not count, and a full user keeps the code',
    async run(storage) {
      await addUsers(storage, 'usr_a', 'usr_b')
      same(await storage.enrolments.create(codeOf('c1'), 2), 'created', 'first')
      same(await storage.enrolments.create(codeOf('c2'), 2), 'created', 'second')
      same(await storage.enrolments.create(codeOf('c3'), 2), 'full', 'third')
      same(await storage.enrolments.create(codeOf('c4', 'usr_b', 10_500), 2), 'created', "somebody else's")
      same(await storage.enrolments.create(codeOf('c5', 'usr_a', 11_000), 2), 'created', 'when the first two are over')
      await enrol(storage, 'usr_b', 'dev_1')
      same((await storage.enrolments.redeem('c4', deviceOf('dev_2'), 1)).outcome, 'full', 'a device too many')
      same((await storage.enrolments.redeem('c4', deviceOf('dev_2'), 2)).outcome, 'enrolled', 'the code is still good')
    },
  },
  {
    name: 'devices: list goes by id, of one user or of all',
    async run(storage) {
      await addUsers(storage, 'usr_a', 'usr_b')
      await enrol(storage, 'usr_a', 'dev_3', 'dev_1')
      await enrol(storage, 'usr_b', 'dev_2')
      const ids = async (page: Parameters<Storage['devices']['list']>[0]) =>
        (await storage.devices.list(page)).map(({ device_id }) => device_id)
      same(await ids({ limit: 9 }), ['dev_1', 'dev_2', 'dev_3'], 'all')
      same(await ids({ user_id: 'usr_a', limit: 9 }), ['dev_1', 'dev_3'], 'of one')
      same(await ids({ after: 'dev_1', limit: 1 }), ['dev_2'], 'a page')
      same(await ids({ user_id: 'usr_a', after: 'dev_1', limit: 9 }), ['dev_3'], 'a page of one')
    },
  },
  {
    name: 'devices: remove forgets one, or all of a user with their codes',
    async run(storage) {
      await addUsers(storage, 'usr_a', 'usr_b')
      await enrol(storage, 'usr_a', 'dev_3', 'dev_1', 'dev_2')
      await enrol(storage, 'usr_b', 'dev_4')
      await storage.enrolments.create(codeOf('c1'), 5)
      await storage.enrolments.create(codeOf('c2', 'usr_b'), 5)
      same(await spend(storage, 'j1'), 'spent', 'a jti of one that goes')
      same(await storage.devices.remove({ device_id: 'dev_1' }), ['dev_1'], 'one')
      same(await storage.devices.remove({ device_id: 'dev_1' }), [], 'again')
      same(await storage.devices.find('dev_1'), undefined, 'gone')
      same((await storage.enrolments.redeem('c1', deviceOf('dev_5'), 9)).outcome, 'enrolled', 'the code stays')
      await storage.enrolments.create(codeOf('c3'), 5)
      same(await storage.devices.remove({ user_id: 'usr_a' }), ['dev_2', 'dev_3', 'dev_5'], 'the rest')
      same((await storage.enrolments.redeem('c3', deviceOf('dev_6'), 9)).outcome, 'unknown', 'their code is gone')
      same((await storage.devices.list({ limit: 9 })).length, 1, "somebody else's stays")
      same((await storage.enrolments.redeem('c2', deviceOf('dev_6'), 9)).outcome, 'enrolled', 'and their code')
    },
  },
  {
    name: 'devices: the codes of a user that wait are forgotten, and nothing else',
    async run(storage) {
      await addUsers(storage, 'usr_a', 'usr_b')
      await enrol(storage, 'usr_a', 'dev_1')
      await storage.enrolments.create(codeOf('c1'), 5)
      await storage.enrolments.create(codeOf('c2', 'usr_b'), 5)
      await storage.enrolments.forget('usr_a')
      same((await storage.enrolments.redeem('c1', deviceOf('dev_2'), 9)).outcome, 'unknown', 'the code')
      same((await storage.enrolments.redeem('c2', deviceOf('dev_2'), 9)).outcome, 'enrolled', "somebody else's")
      same((await storage.devices.find('dev_1'))?.user_id, 'usr_a', 'the device')
    },
  },
  {
    name: 'devices: a jti is spent once, and remembered for as long as it was told',
    async run(storage) {
      await addUsers(storage, 'usr_a')
      await enrol(storage, 'usr_a', 'dev_1', 'dev_2')
      same(await spend(storage, 'j1'), 'spent', 'first')
      same(await spend(storage, 'j1'), 'replayed', 'again')
      same(await spend(storage, 'j1', 5_999), 'replayed', 'to the last millisecond')
      same(await spend(storage, 'j1', 5_000, 'dev_2'), 'spent', "another device's is another")
      same(await spend(storage, 'j2'), 'spent', 'second')
      same(await spend(storage, 'j3'), 'spent', 'third')
      same(await spend(storage, 'j4'), 'full', 'a fourth at the same time')
      same(await spend(storage, 'j1'), 'replayed', 'and nothing was forgotten for it')
      same(await spend(storage, 'j4', 6_000), 'spent', 'when the others are over')
      same(await spend(storage, 'j5', 5_000, 'dev_9'), 'missing', 'no such device')
      const results = await Promise.all(range(1, 10).map(() => spend(storage, 'once', 7_000)))
      same(results.filter((result) => result === 'spent').length, 1, 'of ten at once')
    },
  },
  {
    name: 'devices: last_seen only ever rises',
    async run(storage) {
      await addUsers(storage, 'usr_a')
      await enrol(storage, 'usr_a', 'dev_1', 'dev_2')
      const seen = async (id: string) => {
        const device = await storage.devices.find(id)
        ok(device, id)
        return device.last_seen
      }
      await spend(storage, 'j1', 5_000)
      same(await seen('dev_1'), 5_000, 'an assertion is a sign of life')
      await storage.devices.seen(['dev_1', 'dev_2', 'dev_9'], 6_000)
      await storage.devices.seen(['dev_1'], 5_500)
      await storage.devices.seen([], 9_000)
      same([await seen('dev_1'), await seen('dev_2')], [6_000, 6_000], 'seen')
      await spend(storage, 'j1', 6_500)
      await spend(storage, 'j1', 7_000)
      same(await seen('dev_1'), 6_500, 'a replay is none')
    },
  },
]
