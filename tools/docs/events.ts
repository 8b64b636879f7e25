import { actionsOf, roles, type ClientEvent, type ServerEvent } from '@mesh/core'
import { clientEvents, serverEvents } from '@mesh/core/protocol'
import { jsonSchemaOf, type Author } from '@mesh/server/documents'
import { fieldTable } from './rest.ts'
import { table } from './sections.ts'

const addressed = { server: '`server`', room: 'the room', peer: 'a peer, device or user', agent: 'a peer or device' }

/** Every event in one table, then each with its fields: what clients send. */
export function clientSection(): string {
  const events = Object.entries<ClientEvent>(clientEvents)
  const overview = table(
    ['event', '`to`', 'answered by', 'class', 'who may'],
    events.map(([name, event]) => [
      link(name, 'client'),
      addressed[event.to],
      event.reply === null ? 'an error only' : `\`${event.reply}\``,
      event.limit,
      mayOf(name, event),
    ]),
  )
  const details = events.map(([name, event]) => [
    heading(name, 'client'),
    event.doc,
    repeated(event),
    fields(event, 'client'),
  ])
  return [overview, ...details.flat().filter(Boolean)].join('\n\n')
}

/** What the server sends. */
export function serverSection(): string {
  const events = Object.entries<ServerEvent>(serverEvents)
  const overview = events.map(([name]) => link(name, 'server')).join(' · ')
  return [
    overview,
    ...events.flatMap(([name, event]) => [heading(name, 'server'), event.doc, fields(event, 'server')]),
  ].join('\n\n')
}

function mayOf(name: string, { room, may, relayed, payload }: ClientEvent): string {
  if (name === 'system.hello') return 'anybody'
  if (name.startsWith('system.')) return 'every connected peer'
  if ('cap_token' in payload.entries) return 'who has joined the room, with a capability token'
  if (room === null) return relayed ? 'the two ends of the session' : 'who has a part in what it names'
  const allowed = roles.filter((role) => may === null || actionsOf[role].has(may))
  const who = allowed.length === roles.length ? 'every member' : allowed.join(', ')
  return room === 'joined' ? `${who} who has joined with this peer` : who
}

function repeated({ once }: ClientEvent): string {
  if (!once) return ''
  return once === 'peer'
    ? 'A repeated `id` from the same peer is answered like the first time and acts once.'
    : 'A repeated `id` is answered like the first time and acts once.'
}

function fields({ payload }: Pick<ServerEvent, 'payload'>, author: Author): string {
  return Object.keys(payload.entries).length === 0 ? 'Payload: `{}`.' : fieldTable(jsonSchemaOf(payload, author))
}

const anchor = (name: string, side: string) => `${side}-${name.replaceAll('.', '-')}`
const link = (name: string, side: string) => `[\`${name}\`](#${anchor(name, side)})`
// GitHub makes the same anchor for an event that both sides send; ours tell them apart.
const heading = (name: string, side: string) => `<a id="${anchor(name, side)}"></a>\n\n#### \`${name}\``
