import type { Operation } from '../fuzz/rest-grammar.ts'
import { sing } from './fields.ts'
import type { Ask } from './http.ts'
import { routes, type Sound } from './routes.ts'
import type { Scene } from './scene.ts'
import { notJson, wrongOnes } from './wrong.ts'

/**
 * Calls one route: wrong in many ways, broken off, and at last as it should be.
 * @throws Error for a route that routes.ts does not know, or whose sound request is refused
 */
export async function driveRoute(operation: Operation, scene: Scene): Promise<void> {
  const sound = routes[operation.operationId]
  if (!sound) throw new Error(`routes.ts has no sound request to ${operation.operationId}`)
  const request = await sound(scene)
  for (const wrong of wrongRequests(operation, request, scene)) await scene.http.ask(wrong)
  const right = asked(operation, request)
  if (request.body) {
    const half = JSON.stringify(sing(schemaOf(operation), scene.secrets)).slice(0, -1)
    await scene.http.breakOff({ ...right, body: half })
  }
  // Where the route reads no query, nobody else does either.
  const takesQuery = operation.parameters?.some((parameter) => parameter.in === 'query')
  const query = takesQuery ? '' : `?${scene.secrets.make('query string')}=${scene.secrets.make('query string')}`
  const { status, body } = await scene.http.ask({ ...right, path: right.path + query })
  if (status >= 300) throw new Error(`${operation.operationId} was answered ${status} ${JSON.stringify(body)}`)
}

function asked({ operationId, method, path }: Operation, { params = {}, query = '', body, token }: Sound): Ask {
  const filled = Object.entries(params).reduce((text, [name, value]) => text.replace(`{${name}}`, value), path)
  return { operation: operationId, method, path: filled + query, token, ...(body ? { body } : {}) }
}

function schemaOf({ requestBody }: Operation) {
  return requestBody?.content['application/json']?.schema ?? { type: 'object' }
}

/** Requests that must not be answered well, in the order in which they are judged. */
function wrongRequests(operation: Operation, sound: Sound, { secrets }: Scene): Ask[] {
  const right = asked(operation, sound)
  const token = () => secrets.make('access token')
  const stray = () => secrets.make('stray')
  const strangers: Ask[] =
    operation.security?.length === 0
      ? []
      : ['Bearer', 'Basic', `Bearer ${token()}`].map((scheme) => ({
          ...right,
          token: undefined,
          headers: { authorization: `${scheme} ${token()}` },
        }))
  const queries: Ask[] = operation.parameters?.some((parameter) => parameter.in === 'query')
    ? ['limit', 'after', 'before_seq', secrets.make('query string')].map((name) => ({
        ...right,
        path: `${right.path.replace(/\?.*/, '')}?${name}=${secrets.make('query string')}&limit=${secrets.make('query string')}`,
      }))
    : []
  const paths: Ask[] = Object.keys(sound.params ?? {}).map((name) => {
    const wrong = name === 'code' ? secrets.make('invite code') : stray()
    return asked(operation, { ...sound, params: { ...sound.params, [name]: wrong } })
  })
  const bodies: Ask[] = sound.body
    ? [
        ...[...wrongOnes(sung(), secrets), ...notJson(secrets)].map((body) => ({ ...right, body })),
        { ...right, body: stray().repeat(4_000) },
        { ...right, body: stray(), headers: { 'content-type': `text/${stray()}` } },
        // Right in shape, and nobody's.
        { ...right, body: sung() },
      ]
    : []
  return [...strangers, ...queries, ...paths, ...bodies]

  function sung(): object {
    return Object(sing(schemaOf(operation), secrets)) as object
  }
}
