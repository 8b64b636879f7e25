import { MeshError } from '@mesh/client-sdk'
import type { TokenReason } from '@mesh/client-sdk'

/** Who enters which room: what the link carries behind its #. */
export interface Ticket {
  username: string
  password: string
  room_id: string
}

/** Reads the link; undefined when it is not one of the demo's. */
export function readTicket(fragment: string): Ticket | undefined {
  const [username, password, room_id] = fragment.replace(/^#/, '').split(':')
  return username && password && room_id ? { username, password, room_id } : undefined
}

interface Tokens {
  access_token: string
  refresh_token: string
  expires_in: number
}

/** Logs in, and stays logged in: what it returns brings a valid access token whenever one is wanted. */
export function createLogin({ username, password }: Ticket): (reason?: TokenReason) => Promise<string> {
  let tokens: (Tokens & { until: number }) | undefined
  let asking: Promise<string> | undefined

  return (reason = 'connect') => {
    const fresh = tokens !== undefined && reason === 'connect' && Date.now() < tokens.until
    if (tokens && fresh) return Promise.resolve(tokens.access_token)
    // One question at a time: a refresh token counts once, and a second use of it ends the login.
    asking ??= ask().finally(() => (asking = undefined))
    return asking
  }

  async function ask(): Promise<string> {
    const refreshed = tokens && (await post('refresh', { refresh_token: tokens.refresh_token }))
    const answer = refreshed ?? (await post('login', { username, password }))
    // Not retryable, so that the connection does not go on asking.
    if (!answer) throw new MeshError('AUTH_INVALID', 'This link is from an earlier run of the demo')
    tokens = { ...answer, until: Date.now() + (answer.expires_in - 30) * 1000 }
    return answer.access_token
  }
}

/** Undefined when the server says that it does not know us. */
async function post(path: string, body: object): Promise<Tokens | undefined> {
  const response = await fetch(`/api/v1/auth/${path}`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(body),
  })
  if (response.status === 401) return undefined
  if (!response.ok) throw new Error(`The server answered ${response.status} to ${path}`)
  // Our own server's answer, as its documents have it.
  return (await response.json()) as Tokens
}
