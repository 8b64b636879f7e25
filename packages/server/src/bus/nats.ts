import { silentLogger, type Bus, type Logger } from '@mesh/core'
import type * as Driver from '@nats-io/transport-node'
import { createOutages, mostWaitingBytes } from './outages.ts'
import { createTopics } from './topics.ts'

/** How a bus over NATS behaves; every setting has a default. */
export interface NatsBusOptions {
  /** Stands before every subject, so that several installations can share a server; `mesh.` unless told. */
  prefix?: string
  /** Hears when the bus is lost and when it is back. */
  logger?: Logger
}

/** How often the connection is tried, in milliseconds; after two tries without an answer it is given up. */
const beatMs = 2_000
/** The pause between two attempts to connect, in milliseconds. */
const pauseMs = 250

/**
 * The bus of several nodes over NATS: one connection, which comes back by itself and then listens to what it did before.
 * NATS does not say when nobody listens.
 *
 * @param server Its connection options, or its URL (`nats://user:password@host:4222`); the package
 *   `@nats-io/transport-node` must be installed.
 * @throws Error where the server does not answer, or the package is missing
 */
export async function nats(server: string | Driver.ConnectionOptions, options: NatsBusOptions = {}): Promise<Bus> {
  const { prefix = 'mesh.', logger = silentLogger } = options
  const { connect } = await loadDriver()
  const connection = await connect({
    ...(typeof server === 'string' ? { servers: server } : server),
    noEcho: true,
    maxReconnectAttempts: -1,
    reconnectTimeWait: pauseMs,
    pingInterval: beatMs,
    maxPingOut: 2,
    // A password may be changed on both sides, one after the other.
    ignoreAuthErrorAbort: true,
  })
  const topics = createTopics()
  const outages = createOutages(logger)
  outages.note(true)
  const subscriptions = new Map<string, Driver.Subscription>()
  let isConnected = true
  /** Subscriptions and messages of which the server has not said yet that it has them. */
  let unconfirmed = 0
  let waitingBytes = 0
  let isClosed = false

  const isUp = () => isConnected && unconfirmed === 0 && !isClosed

  /** Until the server has everything that was sent. */
  function confirm(): void {
    unconfirmed++
    const done = () => unconfirmed--
    connection.flush().then(done, done)
  }

  async function watch(): Promise<void> {
    for await (const { type } of connection.status()) {
      if (type !== 'disconnect' && type !== 'reconnect') continue
      isConnected = type === 'reconnect'
      if (!isClosed) outages.note(isConnected)
      if (isConnected) confirm()
      else waitingBytes = 0
    }
  }
  void watch()

  /** Counts what the server has not taken yet, from one flush to the next. */
  function count(bytes: number): void {
    if (waitingBytes === 0) {
      const done = () => (waitingBytes = 0)
      queueMicrotask(() => connection.flush().then(done, done))
    }
    waitingBytes += bytes
  }

  return {
    publish(topic, message, unheard) {
      const lose = () => unheard && queueMicrotask(unheard)
      if (!isUp() || waitingBytes > mostWaitingBytes) return void lose()
      try {
        connection.publish(prefix + topic, message)
        count(message.length + 1)
      } catch {
        // More than the server takes in one message.
        lose()
      }
    },
    subscribe(topic, listener) {
      if (isClosed) return () => {}
      const end = topics.add(topic, listener)
      if (!subscriptions.has(topic)) {
        const callback = (error: Error | null, message: Driver.Msg) => {
          if (!error) topics.deliver(topic, message.string())
        }
        subscriptions.set(topic, connection.subscribe(prefix + topic, { callback }))
        confirm()
      }
      return () => {
        end()
        if (topics.names().includes(topic)) return
        subscriptions.get(topic)?.unsubscribe()
        subscriptions.delete(topic)
      }
    },
    get isUp() {
      return isUp()
    },
    get outages() {
      return outages.count
    },
    async close() {
      if (isClosed) return
      isClosed = true
      topics.clear()
      await connection.close()
    },
  }
}

async function loadDriver(): Promise<typeof Driver> {
  try {
    return await import('@nats-io/transport-node')
  } catch (error) {
    throw new Error('NATS needs the package @nats-io/transport-node beside @mesh/server: npm install it', {
      cause: error,
    })
  }
}
