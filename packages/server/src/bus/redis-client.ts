import type { Redis } from 'ioredis'

/** What Mesh asks of the connections that it makes of a client. */
export interface RedisConnectionOptions {
  lazyConnect: boolean
  enableOfflineQueue: boolean
  autoResubscribe: boolean
  autoResendUnfulfilledCommands: boolean
  maxRetriesPerRequest: number | null
  connectTimeout: number
  socketTimeout: number
  retryStrategy: (times: number) => number
}

/** One connection, as Mesh uses it. */
export interface RedisConnection {
  readonly status: string
  connect(): Promise<unknown>
  disconnect(reconnect?: boolean): void
  publish(channel: string, message: string): Promise<number>
  subscribe(...channels: string[]): Promise<unknown>
  unsubscribe(...channels: string[]): Promise<unknown>
  ping(): Promise<unknown>
  on(event: 'message', listener: (channel: string, message: string) => void): unknown
  on(event: 'ready' | 'close', listener: () => void): unknown
  on(event: 'error', listener: (error: Error) => void): unknown
}

/** What Mesh needs of a client for Redis or Valkey that the host application has. A `Redis` of the package `ioredis` is one. */
export interface RedisClient {
  duplicate(override: RedisConnectionOptions): RedisConnection
}

/** How long until a connection is given up that is not made, or on which nothing comes; in milliseconds. */
const deadMs = 5_000
/** The longest pause between two attempts to connect, in milliseconds. */
const pauseMs = 500

const connectionOptions: RedisConnectionOptions = {
  lazyConnect: true,
  // A message that cannot go out now is better lost: what it tells is in the storage, or will be sent again in order.
  enableOfflineQueue: false,
  autoResendUnfulfilledCommands: false,
  // The bus does it, to know when it is done.
  autoResubscribe: false,
  maxRetriesPerRequest: null,
  connectTimeout: deadMs,
  socketTimeout: deadMs,
  retryStrategy: (times) => Math.min(50 * 2 ** Math.min(times, 10), pauseMs) + Math.random() * 50,
}

/**
 * Opens nothing yet; makes connections of Mesh's own to where a URL or the host's client leads.
 * @throws Error with one sentence, which never has the URL: where `ioredis` is not installed, or the URL is none
 */
export async function createRedisConnections(server: string | RedisClient): Promise<() => RedisConnection> {
  if (typeof server !== 'string') return () => server.duplicate(connectionOptions)
  if (!isRedisUrl(server)) {
    throw new Error('The URL of Redis is not valid: redis://user:password@host:6379, or rediss:// for TLS')
  }
  const Client = await loadDriver()
  return () => new Client(server, connectionOptions)
}

/** Whether a setting is the URL of a Redis or Valkey server. */
export function isRedisUrl(url: string): boolean {
  return /^rediss?:\/\/[^/]/i.test(url) && URL.canParse(url)
}

async function loadDriver(): Promise<typeof Redis> {
  try {
    return (await import('ioredis')).Redis
  } catch (error) {
    throw new Error('Redis needs the package ioredis beside @mesh/server: npm install ioredis', { cause: error })
  }
}
