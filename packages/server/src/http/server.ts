import { MeshError } from '@mesh/core'
import * as v from 'valibot'
import { readinessOf } from '../monitor/readiness.ts'
import { version } from '../version.ts'
import { route } from './route.ts'

const hour = 3600

/** What anybody may know of the server, at places where programs look for it. */
export const serverRoutes = [
  route({
    method: 'get',
    path: '/.well-known/jwks.json',
    name: 'getKeys',
    summary:
      'The public keys of capability and session tokens (RFC 7517): the one that signs, the next one, and those before it.',
    auth: 'none',
    maxAge: 600,
    answer: v.strictObject({ keys: v.array(v.looseObject({ kty: v.optional(v.string()) })) }),
    handle: ({ app }) => app.capabilityKeys.jwks,
  }),
  route({
    method: 'get',
    path: '/healthz',
    name: 'isAlive',
    summary: 'Answers while the process serves.',
    auth: 'none',
    answer: v.strictObject({ status: v.literal('ok') }),
    handle: () => ({ status: 'ok' }) as const,
  }),
  route({
    method: 'get',
    path: '/readyz',
    name: 'isReady',
    summary: 'Answers while clients should be sent here: the storage serves, and no stop is under way.',
    auth: 'none',
    answer: v.strictObject({ status: v.literal('ready') }),
    async handle({ app }) {
      if (!(await readinessOf(app)).isReady) throw new MeshError('UNAVAILABLE')
      return { status: 'ready' } as const
    },
  }),
  route({
    method: 'get',
    path: '/version',
    name: 'getVersion',
    summary: 'What runs here. `issuer` is the `iss` and `aud` of its tokens.',
    auth: 'none',
    answer: v.strictObject({
      name: v.literal('mesh'),
      version: v.string(),
      protocol: v.literal('mesh.v1'),
      issuer: v.string(),
    }),
    handle: ({ app }) => ({ name: 'mesh', version, protocol: 'mesh.v1', issuer: app.issuer }) as const,
  }),
]

/** The documents that describe the server. */
export const documentRoutes = [
  route({
    method: 'get',
    path: '/openapi.json',
    name: 'getOpenapi',
    summary: 'This document: REST as OpenAPI 3.1.',
    auth: 'none',
    maxAge: hour,
    answer: v.looseObject({}),
    handle: ({ app }) => app.documents.openapi(),
  }),
  route({
    method: 'get',
    path: '/asyncapi.json',
    name: 'getAsyncapi',
    summary: 'The events of the WebSocket as AsyncAPI 3.',
    auth: 'none',
    maxAge: hour,
    answer: v.looseObject({}),
    handle: ({ app }) => app.documents.asyncapi(),
  }),
]
