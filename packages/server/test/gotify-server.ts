import { readFileSync } from 'node:fs'
import { Ajv } from 'ajv'
import { createUnrulyServer, type UnrulyServer } from './unruly-server.ts'

/** What was posted, and accepted. */
export interface Posted {
  token: string
  title: string
  message: string
}

/** A Gotify server of the tests' own. It takes nothing that Gotify's API does not describe. */
export interface GotifyServer extends UnrulyServer {
  /** What it has taken, in order. */
  readonly messages: Posted[]
  /** What was wrong with a request, by the description of the API. */
  readonly faults: string[]
}

interface Api {
  paths: { '/message': { post: { consumes: string[]; security: Record<string, unknown>[] } } }
  definitions: Record<string, object>
  securityDefinitions: Record<string, { name: string; in: string }>
}

const api = JSON.parse(readFileSync(new URL('gotify-api.json', import.meta.url), 'utf8')) as Api
const keyHeader = String(api.securityDefinitions['appTokenHeader']?.name).toLowerCase()
// The formats are those of Go's types, and say nothing about JSON.
const ajv = new Ajv({ allErrors: true, formats: { int64: true, 'date-time': true } })
const isCreateMessage = ajv.compile({ ...api.definitions['CreateMessage'], additionalProperties: false })
const isMessage = ajv.compile({ ...api.definitions['Message'] })

/** Starts it; applications with these tokens exist. */
export async function createGotifyServer(...tokens: string[]): Promise<GotifyServer> {
  const messages: Posted[] = []
  const faults: string[] = []

  const error = (status: number) => [status, { error: 'no', errorCode: status, errorDescription: 'no' }] as const

  const server = await createUnrulyServer(({ method, url, headers }, text) => {
    if (method !== 'POST' || url !== '/message') {
      faults.push('no such path, or something in the query')
      return error(404)
    }
    if (!api.paths['/message'].post.consumes.includes(String(headers['content-type']))) faults.push('content type')
    if (headers.authorization !== undefined) faults.push('two ways to authenticate')
    const token = String(headers[keyHeader] ?? '')
    if (!tokens.includes(token)) return error(401)
    const body: unknown = JSON.parse(text)
    if (!isCreateMessage(body)) {
      faults.push(ajv.errorsText(isCreateMessage.errors))
      return error(400)
    }
    const { title, message } = body as { title: string; message: string }
    messages.push({ token, title, message })
    const posted = { id: messages.length, appid: 1, message, title, date: new Date().toISOString() }
    if (!isMessage(posted)) throw new Error('the answer of this server is not as the API has it')
    return [200, posted]
  })
  // The server counts as it goes, and goes on being told how to behave.
  return Object.assign(server, { messages, faults })
}
