import type { Backlog, Durations, ErrorCode, Stats } from '@mesh/core'
import type { MeshServer } from '../mesh-server.ts'
import { version } from '../version.ts'

/** What a metric is read from, all of it at the same moment. */
export interface Source {
  readonly stats: Stats
  readonly server: Pick<MeshServer, 'calls' | 'clock' | 'engine'>
  /** What is in the outbox; undefined where the storage does not say, or not soon enough. */
  readonly backlog: readonly Backlog[] | undefined
}

type Labels = Readonly<Record<string, string>>

interface Named {
  readonly name: `mesh_${string}`
  readonly help: string
  readonly labels: readonly string[]
}

/** A metric that is one number for each of its labels. */
export interface Numbers extends Named {
  readonly type: 'counter' | 'gauge'
  read(source: Source): Iterable<readonly [labels: Labels, value: number]>
}

/** A metric that says how long something takes. */
export interface Times extends Named {
  readonly type: 'histogram'
  read(source: Source): Iterable<readonly [labels: Labels, took: Durations]>
}

/** One metric, in the words of Prometheus. Values of labels come from our own tables, never from a client. */
export type Family = Numbers | Times

const family = (definition: Family) => definition

/** A metric that has one value, or one for each name of something. */
const plain = (
  type: Numbers['type'],
  name: Family['name'],
  help: string,
  read: (source: Source) => number | boolean,
): Family => family({ name, type, help, labels: [], read: (source) => [[{}, Number(read(source))]] })

const by = (
  type: Numbers['type'],
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

const times = (
  name: Family['name'],
  label: string,
  help: string,
  read: (source: Source) => Iterable<readonly [name: string, took: Durations]>,
): Family =>
  family({
    name,
    type: 'histogram',
    help,
    labels: [label],
    read: (source) => [...read(source)].map(([value, took]) => [{ [label]: value }, took]),
  })

/** A number of each channel of the outbox: those of this node, and those of which anything is left. */
const ofChannels = ({ backlog, stats }: Source, count: (found: Backlog) => number): [string, number][] => {
  if (!backlog) return []
  const own = stats.channels.map(([channel]): [string, number] => [channel, 0])
  return [...new Map([...own, ...backlog.map((found): [string, number] => [found.channel, count(found)])])]
}

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
    'Signals between peers. One that was lost after all checks, such as between two nodes, is in `delivered` too.',
    ({ stats: { passed, counts } }) => {
      const signals = [...passed].filter(([type]) => isSignal(type))
      return [['delivered', signals.reduce((sum, [, { frames }]) => sum + frames, 0)], ...counts.lostSignals.counts]
    },
  ),
  times('mesh_request_duration_seconds', 'type', 'What clients ask for, until it is done or refused.', ({ stats }) => {
    return stats.requests
  }),
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
  family({
    name: 'mesh_p2p_sessions_total',
    type: 'counter',
    help: 'Calls and sessions between agents that were opened, or why they were not.',
    labels: ['transport', 'result'],
    read: ({ stats }) =>
      Object.entries(stats.counts.sessions).flatMap(([transport, { counts }]) =>
        [...counts].map(([result, count]) => [{ transport, result }, count] as const),
      ),
  }),
  times(
    'mesh_p2p_setup_duration_seconds',
    'transport',
    'From the request to the answer that opens a call or session; what people take to answer is in it.',
    ({ stats }) => Object.entries(stats.counts.setups),
  ),
  plain('counter', 'mesh_turn_credentials_total', 'Credentials given out for TURN servers.', ({ stats }) => {
    return stats.counts.turnCredentials
  }),
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
  family({
    name: 'mesh_bus_request_duration_seconds',
    type: 'histogram',
    help: 'What other nodes take to say, when asked over the bus, what has got there.',
    labels: [],
    read: ({ stats }) => [[{}, stats.counts.busAnswers]],
  }),
  plain(
    'gauge',
    'mesh_revocation_lag_seconds',
    'What the latest revocation of another node took to get here.',
    ({ stats }) => stats.counts.revocationLagMs / 1000,
  ),
  plain('counter', 'mesh_clock_jumps_total', "How often the machine's clock jumped by more than 5 s.", ({ server }) => {
    return server.clock.jumps
  }),
  plain(
    'gauge',
    'mesh_draining',
    'Whether clients are being sent elsewhere.',
    ({ server }) => server.engine.isDraining,
  ),
  by('counter', 'mesh_notifications_total', 'result', 'Attempts to tell people who are away.', ({ stats }) => {
    return stats.counts.notifications.counts
  }),
  by('counter', 'mesh_webhook_posts_total', 'result', 'Attempts to tell a service of an event.', ({ stats }) => {
    return stats.counts.webhooks.counts
  }),
  by('gauge', 'mesh_outbox_waiting', 'channel', 'Deliveries that wait, of all nodes.', (source) => {
    return ofChannels(source, ({ waiting }) => waiting)
  }),
  by(
    'gauge',
    'mesh_outbox_dead_letters',
    'channel',
    'Deliveries that were given up and are kept, of all nodes.',
    (source) => {
      return ofChannels(source, ({ dead }) => dead)
    },
  ),
  by(
    'gauge',
    'mesh_outbox_paused',
    'channel',
    'Whether a service is left alone since it fails again and again.',
    (source) => {
      return source.stats.channels.map(([channel, isPaused]) => [channel, Number(isPaused)] as const)
    },
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
