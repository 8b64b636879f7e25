import { field, type ClientEvent, type ServerEvent } from '@mesh/core'
import { clientEvents, serverEvents } from '@mesh/core/protocol'
import * as v from 'valibot'
import { errorBody } from '../http/error.ts'
import { jsonSchemaOf, type Author, type JsonSchema } from './json-schema.ts'

/** One kind of frame on the wire. */
export interface FrameKind {
  author: Author
  type: string
  doc: string
  /** The whole frame, envelope included. */
  schema: JsonSchema
  /** The event's entry in the table, where a client may send it. */
  event: ClientEvent | undefined
}

const uuid = v.pipe(v.string(), v.uuid())
const addresses = {
  server: v.literal('server'),
  room: field.roomId,
  peer: v.union([field.peerId, field.deviceId, field.userId]),
  agent: v.union([field.peerId, field.deviceId]),
}
const fromServer = {
  id: uuid,
  timestamp: field.instant,
  from: v.string(),
  to: v.string(),
  reply_to: v.optional(uuid),
}

/** Every kind of frame there is, out of the table: what clients send, what the server sends, and the error. */
export function frameKinds(): FrameKind[] {
  return [
    ...Object.entries<ClientEvent>(clientEvents).map(([type, event]) =>
      kind('client', type, event.doc, event, clientFrame(type, event)),
    ),
    ...Object.entries<ServerEvent>(serverEvents).map(([type, event]) =>
      kind(
        'server',
        type,
        event.doc,
        undefined,
        v.strictObject({ type: v.literal(type), ...fromServer, payload: event.payload }),
      ),
    ),
    kind(
      'server',
      'error',
      'Answers a frame that could not be served, or says why the connection is about to close.',
      undefined,
      v.strictObject({ ...fromServer, ...errorBody.entries, from: v.literal('server') }),
    ),
  ]
}

function clientFrame(type: string, { to, payload }: ClientEvent) {
  return v.strictObject({
    type: v.literal(type),
    id: uuid,
    timestamp: field.instant,
    from: v.optional(field.peerId),
    to: addresses[to],
    reply_to: v.optional(uuid),
    payload,
  })
}

function kind(
  author: Author,
  type: string,
  doc: string,
  event: ClientEvent | undefined,
  schema: v.GenericSchema,
): FrameKind {
  return { author, type, doc, event, schema: jsonSchemaOf(schema, author) }
}

/** A JSON Schema document for each kind of frame, by the path of its file: `client/room.join.json`. */
export function frameSchemas(): Map<string, JsonSchema> {
  return new Map(
    frameKinds().map(({ author, type, doc, schema }) => [
      `${author}/${type}.json`,
      {
        $schema: 'https://json-schema.org/draft/2020-12/schema',
        $id: `urn:mesh:v1:${author}:${type}`,
        title: `${type}, sent by the ${author}`,
        description: doc,
        ...schema,
      },
    ]),
  )
}
