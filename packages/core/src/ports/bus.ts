/**
 * Carries hints between the nodes of one installation. At most once and best effort: nothing that must be right may
 * depend on it, what it tells is always in the storage too. Messages of one publisher on one topic arrive in order or
 * not at all. A node does not hear its own messages. Absence (no other node) is silence.
 */
export interface Bus {
  /**
   * Tells every other node that listens. Never throws and never waits. `unheard` is called, at once or before long, where
   * it is known that nobody got the message; that it is not called proves nothing.
   */
  publish(topic: string, message: string, unheard?: () => void): void
  /** Hears what other nodes publish on a topic, from now on; the returned function ends it. */
  subscribe(topic: string, listener: (message: string) => void): () => void
  /** Whether messages get through both ways, as far as is known. */
  readonly isUp: boolean
  /**
   * How many times it was up and then was not, however shortly: each time messages may have been lost, both ways. That a new
   * topic is not listened to yet is no such time.
   */
  readonly outages: number
  /** Ends every subscription; the bus is not up from then on, and takes no more messages. */
  close(): Promise<void>
}
