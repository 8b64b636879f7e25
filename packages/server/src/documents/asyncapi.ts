import { subprotocol, type Limits } from '@mesh/core'
import type { Place } from '../http/route.ts'
import { version } from '../version.ts'
import { frameKinds, type FrameKind } from './frames.ts'

const channel = { $ref: '#/channels/mesh' }
const inChannel = (author: string, type: string) => ({ $ref: `#/channels/mesh/messages/${author}.${type}` })
const error = inChannel('server', 'error')

/** The events of the WebSocket as AsyncAPI 3, seen from the server: it receives what clients send. */
export function asyncapi({ basePath, publicUrl, limits }: Place & { limits: Limits }): Record<string, unknown> {
  const kinds = frameKinds()
  const byKey = (of: (kind: FrameKind, key: string) => unknown) =>
    Object.fromEntries(kinds.map((kind) => [keyOf(kind), of(kind, keyOf(kind))]))
  return {
    asyncapi: '3.0.0',
    info: {
      title: 'Mesh',
      version,
      description:
        'Each message is one text frame of JSON. Its payload here is the whole frame, envelope included. `x-mesh-limits` are the limits in force, `x-limit-class` names the class of an event in them.',
      license: { name: 'MIT' },
    },
    defaultContentType: 'application/json',
    servers: { mesh: server(basePath, publicUrl) },
    channels: {
      mesh: {
        address: '/ws',
        description: `The one WebSocket endpoint; the subprotocol is \`${subprotocol}\`. The first message is \`system.hello\`.`,
        messages: byKey((_, key) => ({ $ref: `#/components/messages/${key}` })),
        bindings: { ws: { method: 'GET' } },
      },
    },
    operations: Object.fromEntries(
      kinds.map((kind) => [`${kind.event ? 'receive' : 'send'}.${kind.type}`, operation(kind)]),
    ),
    components: {
      messages: byKey(message),
      correlationIds: {
        asked: { location: '$message.payload#/id', description: 'What answers it carries this id in `reply_to`.' },
        answered: {
          location: '$message.payload#/reply_to',
          description: 'The `id` of the message that this one answers.',
        },
      },
      securitySchemes: {
        bearer: {
          type: 'http',
          scheme: 'bearer',
          bearerFormat: 'JWT',
          description: 'An access token, on the upgrade request or as `token` in `system.hello`; never in the URL.',
        },
      },
    },
    'x-mesh-limits': limits,
  }
}

const keyOf = ({ author, type }: FrameKind) => `${author}.${type}`

function server(basePath: string, publicUrl: string | undefined): Record<string, unknown> {
  const url = publicUrl === undefined ? undefined : new URL(publicUrl)
  return {
    ...(url ? { host: url.host } : { host: '{host}', variables: { host: { default: 'localhost:7330' } } }),
    ...(basePath ? { pathname: basePath } : {}),
    protocol: url?.protocol === 'https:' ? 'wss' : 'ws',
    security: [{ $ref: '#/components/securitySchemes/bearer' }],
  }
}

function operation({ author, type, event }: FrameKind): Record<string, unknown> {
  const messages = [inChannel(author, type)]
  if (!event) return { action: 'send', channel, messages }
  const answers = event.reply === null ? [error] : [inChannel('server', event.reply), error]
  return { action: 'receive', channel, messages, reply: { channel, messages: answers } }
}

function message({ type, doc, event, schema }: FrameKind): Record<string, unknown> {
  return {
    name: type,
    summary: doc,
    correlationId: { $ref: `#/components/correlationIds/${event ? 'asked' : 'answered'}` },
    payload: schema,
    ...(event ? { 'x-limit-class': event.limit } : {}),
  }
}
