import { createMemoryStorage } from '@mesh/core'
import { expect, it } from 'vitest'
import type { Accounts } from './accounts.ts'
import { createSetup } from './setup.ts'

const account = { username: 'root', password: 'a password that is long' }

it('a setup code is good for 15 minutes', async () => {
  let now = 0
  const user = {
    user_id: 'usr_a',
    hashed_password: null,
    disabled: false,
    created_at: 0,
    username: 'root',
    admin: true,
  }
  const accounts = { createFirstAdmin: async () => user } as unknown as Accounts
  const setup = createSetup({ storage: createMemoryStorage(), accounts, audit: async () => {}, now: () => now })
  for (const [age, holds] of [
    [15 * 60_000 - 1, true],
    [15 * 60_000, false],
  ] as const) {
    now = 0
    const code = (await setup.newCode()) ?? ''
    now = age
    const used = setup.use(code, account)
    if (holds) expect(await used).toBe(user)
    else await expect(used).rejects.toMatchObject({ code: 'AUTH_INVALID' })
  }
})
