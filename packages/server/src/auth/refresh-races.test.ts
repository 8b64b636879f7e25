import { afterAll, beforeAll, expect, it } from 'vitest'
import { createRig, type Account, type Rig } from '../../test/support.ts'
import { createAttempts } from './attempts.ts'
import { createLogins } from './logins.ts'
import { readRefreshToken } from './refresh-token.ts'

let rig: Rig
let ann: Account
const lifted = { burst: 1_000_000, per_s: 1_000_000 }

beforeAll(async () => {
  rig = await createRig({ limits: { attempts: { refresh: lifted, family: lifted } } })
  ann = await rig.account('ann')
})
afterAll(() => rig.close())

it('of 1,000 races of reuse against refresh, over HTTP, no login survives, and no socket of one', async () => {
  const races = 1_000
  const { storage, keys, issuer, engine } = rig.mesh
  // Logins without their bcrypt, or a thousand of them would take minutes.
  const { start } = createLogins({
    storage,
    accessKeys: keys.access,
    issuer,
    attempts: createAttempts(engine.limits.attempts),
    disconnect: () => {},
    now: Date.now,
    audit: () => engine.audit,
  })
  const refresh = (refresh_token: string) => rig.rest('POST', '/api/v1/auth/refresh', { refresh_token })
  const counts = { refreshed: 0, closed: 0, sockets: 0, survivors: 0 }

  for (let race = 0; race < races; race++) {
    const first = await start(ann.user_id)
    const second = String((await refresh(first.refresh_token)).body.refresh_token)
    const third = String((await refresh(second)).body.refresh_token)
    const isWatched = race % 10 === 0
    const wire = isWatched ? await rig.open() : undefined
    await wire?.hello(first.access_token)

    const calls = [() => refresh(first.refresh_token), () => refresh(third)]
    const answers = await Promise.all((race % 2 === 0 ? calls : calls.toReversed()).map((call) => call()))
    const won = answers.find(({ status }) => status === 200)
    if (won) counts.refreshed++

    const { sid } = readRefreshToken(first.refresh_token)
    let isAlive = (await storage.logins.find(sid))?.revoked_at === null
    if (wire) {
      counts.sockets++
      if ((await wire.closed) === 4101) counts.closed++
      const { access_token, refresh_token } = won?.body ?? { ...first, refresh_token: third }
      isAlive ||= (await rig.rest('GET', '/api/v1/me', undefined, String(access_token))).status === 200
      isAlive ||= (await refresh(String(refresh_token))).status === 200
    }
    if (isAlive) counts.survivors++
  }

  const { refreshed, closed, sockets, survivors } = counts
  // oxlint-disable-next-line no-console -- the figures are the point
  console.log(
    `${races} races: ${refreshed} refreshed first, ${closed} of ${sockets} sockets closed, ${survivors} survivors`,
  )
  expect(survivors).toBe(0)
  expect(closed).toBe(sockets)
}, 120_000)
