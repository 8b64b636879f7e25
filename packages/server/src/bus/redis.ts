import { randomUUID } from 'node:crypto'
import { silentLogger, type Bus, type Logger } from '@mesh/core'
import { createBundles, messagesOf } from './bundles.ts'
import { createOutages, mostWaitingBytes } from './outages.ts'
import { createRedisConnections, type RedisClient } from './redis-client.ts'
import { createTopics } from './topics.ts'

export type { RedisClient, RedisConnection, RedisConnectionOptions } from './redis-client.ts'

/** How a bus over Redis behaves; every setting has a default. */
export interface RedisBusOptions {
  /** Stands before every channel, so that several installations can share a server; `mesh:` unless told. */
  prefix?: string
  /** Hears when the bus is lost and when it is back. */
  logger?: Logger
}

/** How often both connections are tried, so that one that is dead is noticed; in milliseconds. */
const beatMs = 2_000
/** How long a start waits for the server, in milliseconds; after that it goes on without. */
const startMs = 3_000

/**
 * The bus of several nodes over one Redis or Valkey server: one connection to publish and one to listen. It comes back by
 * itself, and then listens to what it did before. Resolves when it is up, or after three seconds without.
 *
 * @param server A URL (`redis://user:password@host:6379`), for which the package `ioredis` must be installed; or a client,
 *   of which two duplicates are made and which stays its owner's to close.
 * @throws Error with one sentence where the URL is none, or `ioredis` is missing
 */
export async function redis(server: string | RedisClient, options: RedisBusOptions = {}): Promise<Bus> {
  const { prefix = 'mesh:', logger = silentLogger } = options
  const connect = await createRedisConnections(server)
  const [publisher, subscriber] = [connect(), connect()]
  const self = randomUUID()
  const topics = createTopics()
  const outages = createOutages(logger)
  /** Topics that the server has confirmed, on the connection there is now. */
  const confirmed = new Set<string>()
  /** Whether the server takes what is published. */
  let isTaken = true
  let waitingBytes = 0
  /** What went wrong last, since it was up. */
  let trouble: string | undefined
  let isClosed = false
  let started = () => {}

  const isReached = () => !isClosed && isTaken && publisher.status === 'ready' && subscriber.status === 'ready'
  const isUp = () => isReached() && topics.names().every((topic) => confirmed.has(topic))

  function look(): void {
    // While topics are only being asked for nothing has become of it yet; one that is refused ends the connection.
    if (isReached() && !isUp()) return
    if (isClosed || !outages.note(isUp(), trouble) || !isUp()) return
    trouble = undefined
    started()
  }

  /** Notes what became of a message that was published, and says whether it is known that nobody got it. */
  function noteTaken(error?: Error): boolean {
    // A message that was lost with its connection may have got there.
    if (error && error.name !== 'ReplyError') return false
    isTaken = error === undefined
    trouble = codeOf(error)
    look()
    return !isTaken
  }

  const bundles = createBundles(({ topic, text, size, unheard }) => {
    const nobody = () => {
      for (const tell of unheard) tell()
    }
    publisher.publish(prefix + topic, self + text).then(
      (count) => {
        waitingBytes -= size
        // Of several servers each counts those that listen to itself, so that none is proof on one server alone.
        if (count === 0) nobody()
      },
      (error: Error) => {
        if (!noteTaken(error)) return
        waitingBytes -= size
        nobody()
      },
    )
  })

  function listen(names: readonly string[]): void {
    if (names.length === 0 || subscriber.status !== 'ready') return look()
    subscriber.subscribe(...names.map((topic) => prefix + topic)).then(
      () => {
        for (const topic of names) confirmed.add(topic)
        look()
      },
      // Not while this connection lives, then: the next one is asked again.
      (error: Error) => {
        trouble = codeOf(error)
        subscriber.disconnect(true)
      },
    )
  }

  for (const connection of [publisher, subscriber]) {
    // Without a listener it would end the process.
    connection.on('error', (error) => (trouble = codeOf(error)))
    connection.on('close', look)
  }
  publisher.on('ready', look)
  publisher.on('close', () => (waitingBytes = 0))
  subscriber.on('close', () => confirmed.clear())
  subscriber.on('ready', () => listen(topics.names()))
  subscriber.on('message', (channel, message) => {
    if (!channel.startsWith(prefix) || message.startsWith(self)) return
    const topic = channel.slice(prefix.length)
    for (const each of messagesOf(message, self.length)) topics.deliver(topic, each)
  })
  const beat = setInterval(() => {
    if (subscriber.status === 'ready') subscriber.ping().catch(() => {})
    // Nobody listens to that; whoever may not publish is told so.
    if (publisher.status === 'ready') publisher.publish(`${prefix}beat`, self).then(() => noteTaken(), noteTaken)
  }, beatMs).unref()

  const firstUp = new Promise<void>((resolve) => {
    started = resolve
    setTimeout(resolve, startMs).unref()
  })
  for (const connection of [publisher, subscriber]) connection.connect().catch(() => {})
  await firstUp
  if (!isUp()) logger.warn({ code: trouble }, 'the bus is not up: the other nodes are not heard until it is')

  return {
    publish(topic, message, unheard) {
      if (!isReached() || waitingBytes > mostWaitingBytes) {
        if (unheard) queueMicrotask(unheard)
        return
      }
      waitingBytes += message.length
      bundles.add(topic, message, unheard)
    },
    subscribe(topic, listener) {
      if (isClosed) return () => {}
      const isNew = !topics.names().includes(topic)
      const end = topics.add(topic, listener)
      if (isNew) listen([topic])
      return () => {
        end()
        if (isClosed || topics.names().includes(topic) || !confirmed.delete(topic)) return
        subscriber.unsubscribe(prefix + topic).catch(() => {})
      }
    },
    get isUp() {
      return isUp()
    },
    get outages() {
      return outages.count
    },
    async close() {
      bundles.flush()
      isClosed = true
      clearInterval(beat)
      topics.clear()
      publisher.disconnect()
      subscriber.disconnect()
    },
  }
}

/** The word by which a server refuses something, or the name of what is wrong with the way to it; never what it quotes. */
function codeOf(error: (Error & { code?: unknown }) | undefined): string | undefined {
  if (error?.name === 'ReplyError') return /^[A-Z]+(?= )/.exec(error.message)?.[0]
  return typeof error?.code === 'string' ? error.code : error?.name
}
