/** An answer of REST. `body` is empty where the answer had none. */
export interface Answer {
  readonly status: number
  readonly body: Readonly<Record<string, unknown>>
  readonly headers: Headers
}

/** What a call may carry besides method and path. */
export interface CallOptions {
  body?: unknown
  token?: string | undefined
  headers?: Record<string, string>
}

/** One HTTP request; a body that is no string is sent as JSON. */
export async function call(url: string, method: string, { body, token, headers }: CallOptions = {}): Promise<Answer> {
  const response = await fetch(url, {
    method,
    headers: {
      ...(body === undefined ? {} : { 'content-type': 'application/json' }),
      ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
      ...headers,
    },
    ...(body === undefined ? {} : { body: typeof body === 'string' ? body : JSON.stringify(body) }),
  })
  const text = await response.text()
  return { status: response.status, body: parse(text), headers: response.headers }
}

function parse(text: string): Answer['body'] {
  if (text === '') return {}
  const value: unknown = JSON.parse(text)
  if (typeof value !== 'object' || value === null) throw new Error(`not a JSON object: ${text.slice(0, 80)}`)
  return value as Answer['body']
}
