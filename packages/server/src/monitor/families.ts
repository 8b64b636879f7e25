import type { ErrorCode, Stats } from '@mesh/core'
import type { MeshServer } from '../mesh-server.ts'
import { version } from '../version.ts'

/** What a metric is read from, all of it at the same moment. */
export interface Source {
  readonly stats: Stats
  readonly server: Pick<MeshServer, 'calls' | 'engine'>
}

type Labels = Readonly<Record<string, string>>

/** One metric, in the words of Prometheus. Values of labels come from our own tables, never from a client. */
export interface Family {
  readonly name: `mesh_${string}`
  readonly type: 'counter' | 'gauge'
  readonly help: string
  readonly labels: readonly string[]
  read(source: Source): Iterable<readonly [labels: Labels, value: number]>
}

const family = (definition: Family) => definition

/** A metric that has one value, or one for each name of something. */
const plain = (
  type: Family['type'],
  name: Family['name'],
  help: string,
  read: (source: Source) => number | boolean,
): Family => family({ name, type, help, labels: [], read: (source) => [[{}, Number(read(source))]] })

const by = (
  type: Family['type'],
  name: Family['name'],
  label: string,
  help: string,
  read: (source: Source) => Iterable<readonly [name: string, value: number]>,
): Family =>
  family({
    name,
    type,
    help,
    labels: [label],
    read: (source) => [...read(source)].map(([value, count]) => [{ [label]: value }, count]),
  })

const isSignal = (type: string) => /^(rtc|p2p)\./.test(type)

/** THE table of what Prometheus is told of a server, but for what needs a stopwatch: see metrics.ts. */
export const families: readonly Family[] = [
  family({
    name: 'mesh_connections',
    type: 'gauge',
    help: 'Open sockets, by who is there.',
    labels: ['kind', 'transport'],
    read: ({ stats }) =>
      Object.entries(stats.connections).map(([kind, count]) => [{ kind, transport: 'websocket' }, count]),
  }),
  plain('counter', 'mesh_connections_total', 'Sockets opened.', ({ stats }) => stats.counts.connections),
  by('counter', 'mesh_closes_total', 'reason', 'Sockets that the server closed, by why.', ({ stats }) => {
    return stats.counts.closes.counts
  }),
  plain('gauge', 'mesh_sessions_reconnecting', 'Sessions that wait for their client to come back.', ({ stats }) => {
    return stats.reconnecting
  }),
  by('counter', 'mesh_resumes_total', 'result', 'Hellos that asked for their session back.', ({ stats }) => {
    return stats.counts.resumes.counts
  }),
  by('counter', 'mesh_auth_failures_total', 'reason', 'Tokens and passwords that did not hold.', authFailures),
  family({
    name: 'mesh_messages_total',
    type: 'counter',
    help: 'Events of clients that passed every check.',
    labels: ['direction', 'type'],
    read: ({ stats }) => [...stats.passed].map(([type, { frames }]) => [{ direction: 'in', type }, frames]),
  }),
  family({
    name: 'mesh_message_bytes_total',
    type: 'counter',
    help: 'Their bytes on the wire: all that this server relays is in here.',
    labels: ['direction', 'type'],
    read: ({ stats }) => [...stats.passed].map(([type, { bytes }]) => [{ direction: 'in', type }, bytes]),
  }),
  by(
    'counter',
    'mesh_signals_total',
    'result',
    'Signals between peers. Those in `timeout` are in `delivered` too.',
    ({ stats: { passed, counts } }) => {
      const signals = [...passed].filter(([type]) => isSignal(type))
      return [['delivered', signals.reduce((sum, [, { frames }]) => sum + frames, 0)], ...counts.lostSignals.counts]
    },
  ),
  by(
    'counter',
    'mesh_errors_total',
    'code',
    'Errors that clients were answered with over their sockets.',
    ({ stats }) => stats.counts.errors.counts,
  ),
  by('counter', 'mesh_rate_limited_total', 'scope', 'What was refused since there was too much of it.', (source) => {
    const { refused, errors } = source.stats.counts
    return [
      ['handshake', refused],
      ['message', errors.counts.get('RATE_LIMITED') ?? 0],
      ['request', callsEndingIn(source, 'RATE_LIMITED')],
    ]
  }),
  plain('gauge', 'mesh_rooms', 'Rooms with somebody of this node in them.', ({ stats }) => stats.rooms),
  plain('gauge', 'mesh_room_members', 'How often somebody of this node is in a room.', ({ stats }) => stats.members),
  by('counter', 'mesh_events_total', 'type', 'Durable events that this node stored.', ({ stats }) => {
    return stats.counts.events.counts
  }),
  by(
    'gauge',
    'mesh_p2p_sessions',
    'transport',
    'Calls and sessions between agents that live on this node.',
    ({ stats: { open } }) => [
      ['webrtc', open.webrtc],
      ['quic', open.quic],
    ],
  ),
  plain('gauge', 'mesh_terminal_leases', 'Terminals shared on this node that somebody controls.', ({ stats }) => {
    return stats.open.leases
  }),
  by(
    'counter',
    'mesh_terminal_lease_changes_total',
    'reason',
    'Grants of control, and why control ended.',
    ({ stats }) => stats.counts.leases.counts,
  ),
  plain('gauge', 'mesh_queue_bytes', 'Bytes held for peers: unacknowledged, or waiting for a socket.', ({ stats }) => {
    return stats.heldBytes
  }),
  plain('gauge', 'mesh_bus_connected', 'Whether the other nodes are heard.', ({ server }) => server.engine.isBusUp),
  plain(
    'gauge',
    'mesh_revocation_lag_seconds',
    'What the latest revocation of another node took to get here.',
    ({ stats }) => stats.counts.revocationLagMs / 1000,
  ),
  plain(
    'gauge',
    'mesh_draining',
    'Whether clients are being sent elsewhere.',
    ({ server }) => server.engine.isDraining,
  ),
  family({
    name: 'mesh_http_requests_total',
    type: 'counter',
    help: 'Calls of REST, by route and by `ok` or the code of the error.',
    labels: ['route', 'result'],
    read: ({ server }) =>
      [...server.calls].map(([call, count]) => {
        const [route = '', result = ''] = call.split(' ')
        return [{ route, result }, count]
      }),
  }),
  by('gauge', 'mesh_build_info', 'version', 'Always 1.', () => [[version, 1]]),
]

function authFailures(source: Source): [string, number][] {
  const codes = ['AUTH_REQUIRED', 'AUTH_INVALID', 'AUTH_EXPIRED'] as const
  return codes.map((code) => [code, (source.stats.counts.errors.counts.get(code) ?? 0) + callsEndingIn(source, code)])
}

function callsEndingIn({ server }: Source, code: ErrorCode): number {
  return [...server.calls].reduce((sum, [call, count]) => (call.endsWith(` ${code}`) ? sum + count : sum), 0)
}
