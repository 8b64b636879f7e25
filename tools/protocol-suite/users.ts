import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { createBudget, type Budget } from './budget.ts'
import { call, type Answer } from './rest.ts'

/** An account of the suite's own, logged in. */
export interface User {
  readonly user_id: string
  readonly username: string
  readonly password: string
  /** The access token of its login. */
  token: string
  refresh_token: string
  readonly budget: Budget
}

/** Makes accounts, lends them to cases, and deletes them at the end. */
export interface Users {
  /** Lends so many users, all at once so that no two cases wait for each other, rested enough for the limits of §12. */
  take(count: number): Promise<User[]>
  giveBack(users: readonly User[]): void
  /** A user for one case alone, which may ruin it. */
  fresh(): Promise<User>
  login(user: { username: string; password: string }): Promise<Pick<User, 'token' | 'refresh_token'>>
  /** Deletes every account; returns how many the server would not delete. */
  removeAll(): Promise<number>
}

/** More users make the suite no faster: their passwords are hashed one after the other. */
const most = 28

/** @see Users */
export function createUsers(api: string, admin: { token: string }): Users {
  const made: User[] = []
  const free = new Set<User>()
  let lent = 0
  const inTurn = createQueue()
  // A server hashes passwords one after the other, and turns away who would wait too long.
  const hashing = createQueue()

  async function login({ username, password }: { username: string; password: string }) {
    const asked = () => call(`${api}/auth/login`, 'POST', { body: { username, password } })
    const { status, body } = await hashing(asked)
    assert.equal(status, 200, `login of ${username}: ${JSON.stringify(body)}`)
    return { token: String(body.access_token), refresh_token: String(body.refresh_token) }
  }

  async function fresh(): Promise<User> {
    const username = `suite-${randomBytes(6).toString('hex')}`
    const password = randomBytes(18).toString('base64url')
    const asked = () => call(`${api}/users`, 'POST', { body: { username, password }, token: admin.token })
    const { status, body } = await hashing(asked)
    assert.equal(status, 201, `the administrator makes a user: ${JSON.stringify(body)}`)
    const user = { user_id: String(body.user_id), username, password, token: '', refresh_token: '' }
    const whole = { ...user, ...(await login(user)), budget: createBudget() }
    made.push(whole)
    return whole
  }

  async function lend(count: number): Promise<User[]> {
    for (;;) {
      const rested = [...free].filter((user) => user.budget.isFull())
      if (rested.length >= count) {
        const users = rested.slice(0, count)
        for (const user of users) free.delete(user)
        lent += count
        return users
      }
      if (free.size + lent < most) for (const user of await Promise.all([fresh(), fresh()])) free.add(user)
      else await new Promise((resolve) => setTimeout(resolve, 100))
    }
  }

  return {
    take: (count) => inTurn(() => lend(count)),
    giveBack(users) {
      lent -= users.length
      for (const user of users) free.add(user)
    },
    fresh,
    login,
    async removeAll() {
      const remove = ({ user_id }: User): Promise<Answer> =>
        call(`${api}/users/${user_id}`, 'DELETE', { token: admin.token })
      const answers = await Promise.all(made.map(remove))
      return answers.filter(({ status }) => status !== 204 && status !== 404).length
    },
  }
}

/** Runs what it is given one after the other. */
function createQueue(): <T>(work: () => Promise<T>) => Promise<T> {
  let last: Promise<unknown> = Promise.resolve()
  return (work) => {
    const turn = last.then(work)
    last = turn.catch(() => {})
    return turn
  }
}
