/** Somebody with an account, logged in. */
export interface Account {
  username: string
  user_id: string
  access_token: string
  refresh_token: string
}

/** REST, as those use it who do nothing wrong. */
export interface Api {
  readonly url: string
  login(username: string): Promise<Account>
  /** Another access token for an account, in place. */
  refresh(account: Account): Promise<void>
  /** One call; an error status throws. */
  call<T>(method: string, path: string, body?: object, token?: string): Promise<T>
}

/** Everybody's password. */
export const password = 'correct horse battery staple'

type Login = Omit<Account, 'username' | 'user_id'> & { user: { user_id: string } }

/** @see Api */
export function createApi(url: string): Api {
  const call: Api['call'] = async (method, path, body, token) => {
    const headers: Record<string, string> = {}
    if (body) headers['content-type'] = 'application/json'
    if (token !== undefined) headers.authorization = `Bearer ${token}`
    const response = await fetch(`${url}/api/v1${path}`, {
      method,
      headers,
      ...(body ? { body: JSON.stringify(body) } : {}),
    })
    const text = await response.text()
    if (!response.ok) throw new Error(`${method} ${path}: ${response.status} ${text}`)
    // The caller knows the route.
    return (text === '' ? {} : JSON.parse(text)) as never
  }
  return {
    url,
    call,
    async login(username) {
      const { user, access_token, refresh_token } = await call<Login>('POST', '/auth/login', { username, password })
      return { username, user_id: user.user_id, access_token, refresh_token }
    },
    async refresh(account) {
      const { refresh_token } = account
      Object.assign(account, await call<Login>('POST', '/auth/refresh', { refresh_token }))
    },
  }
}
