import { defaultMessageOf, httpStatusOf, type ErrorCode } from '@mesh/core'
import type * as v from 'valibot'
import { errorBody } from '../http/error.ts'
import { paramsOf, pathParams, statusOf, type Place, type Route } from '../http/route.ts'
import { views } from '../http/views.ts'
import { version } from '../version.ts'
import { jsonSchemaOf, type Author, type JsonSchema } from './json-schema.ts'

const named = { ...views, Error: errorBody }

/** REST as OpenAPI 3.1: the routes as they are mounted, below the base path. */
export function openapi(routes: readonly Route[], { basePath }: Pick<Place, 'basePath'>): Record<string, unknown> {
  const paths: Record<string, Record<string, unknown>> = {}
  for (const route of routes) {
    const path = route.path.replaceAll(/:(\w+)/g, '{$1}')
    paths[path] = { ...paths[path], [route.method]: operation(route) }
  }
  return {
    openapi: '3.1.1',
    info: {
      title: 'Mesh',
      version,
      description:
        'Accounts, rooms and their history. What happens in rooms comes over the WebSocket, described at `/api/v1/asyncapi.json`.',
      license: { name: 'MIT', identifier: 'MIT' },
    },
    servers: [{ url: basePath || '/' }],
    paths,
    components: {
      schemas: Object.fromEntries(
        // A component is not a reference to itself.
        Object.entries(named).map(([name, schema]) => [name, jsonSchemaOf(schema, 'server', without(name))]),
      ),
      securitySchemes: {
        bearer: {
          type: 'http',
          scheme: 'bearer',
          description: 'The `access_token` of a login, or what the host application has.',
        },
      },
    },
  }
}

function operation(route: Route): Record<string, unknown> {
  const { name, summary, auth, query, body } = route
  const parameters = [...paramsOf(route).map(pathParameter), ...(query ? queryParameters(query) : [])]
  return {
    operationId: name,
    summary,
    ...(auth === 'admin' ? { description: 'For administrators.' } : {}),
    security: auth === 'none' ? [] : [{ bearer: [] }],
    ...(parameters.length > 0 ? { parameters } : {}),
    ...(body ? { requestBody: { required: true, content: json(body, 'client') } } : {}),
    responses: { [statusOf(route)]: success(route), ...failures(route) },
  }
}

function success({ answer }: Route): Record<string, unknown> {
  return answer ? { description: 'Done', content: json(answer, 'server') } : { description: 'Done' }
}

/** One response for each HTTP status, with the codes that come with it. */
function failures(route: Route): Record<string, unknown> {
  const byStatus = Map.groupBy(errorsOf(route), httpStatusOf)
  return Object.fromEntries(
    [...byStatus].map(([status, codes]) => {
      const schema = { $ref: '#/components/schemas/Error', properties: { code: { enum: codes } } }
      const description = codes.map((code) => `\`${code}\`: ${defaultMessageOf(code)}`).join('. ')
      return [status, { description, content: { 'application/json': { schema } } }]
    }),
  )
}

/** Every error that a route may answer with. */
function errorsOf(route: Route): ErrorCode[] {
  const { auth, query, body, limit, errors = [] } = route
  const all: ErrorCode[] = [
    ...(auth === 'none' ? [] : (['AUTH_REQUIRED', 'AUTH_INVALID', 'AUTH_EXPIRED'] as const)),
    ...(auth === 'admin' ? (['ACCESS_DENIED'] as const) : []),
    ...(query || body ? (['BAD_MESSAGE'] as const) : []),
    ...(body ? (['MESSAGE_TOO_LARGE'] as const) : []),
    ...(limit || auth !== 'none' ? (['RATE_LIMITED'] as const) : []),
    ...paramsOf(route).map((name) => pathParams[name].missing),
    ...errors,
    'UNAVAILABLE',
    'INTERNAL',
  ]
  return [...new Set(all)]
}

function pathParameter(name: keyof typeof pathParams) {
  return { name, in: 'path', required: true, schema: jsonSchemaOf(pathParams[name].schema, 'client') }
}

function queryParameters(query: v.GenericSchema) {
  const { properties = {} } = jsonSchemaOf(query, 'client')
  return Object.entries(properties).map(([name, schema]) => ({ name, in: 'query', schema }))
}

function json(schema: v.GenericSchema, author: Author): Record<string, { schema: JsonSchema }> {
  return { 'application/json': { schema: jsonSchemaOf(schema, author, author === 'server' ? named : {}) } }
}

function without(name: string): Record<string, v.GenericSchema> {
  return Object.fromEntries(Object.entries<v.GenericSchema>(named).filter(([other]) => other !== name))
}
