type Listener = (message: string) => void

/** Who listens to what on this node. */
export interface Topics {
  add(topic: string, listener: Listener): () => void
  /** Hands a message to whoever listens to its topic. */
  deliver(topic: string, message: string): void
  /** The topics that somebody listens to. */
  names(): readonly string[]
  clear(): void
}

/** @see Topics */
export function createTopics(): Topics {
  const topics = new Map<string, Set<Listener>>()
  let names: readonly string[] = []
  const changed = () => (names = [...topics.keys()])
  return {
    add(topic, listener) {
      const listeners = topics.get(topic) ?? new Set()
      // One listener that is added twice is two.
      const own: Listener = (message) => listener(message)
      topics.set(topic, listeners.add(own))
      changed()
      return () => {
        listeners.delete(own)
        if (listeners.size > 0 || topics.get(topic) !== listeners) return
        topics.delete(topic)
        changed()
      }
    },
    deliver(topic, message) {
      for (const listener of topics.get(topic) ?? []) listener(message)
    },
    names: () => names,
    clear() {
      topics.clear()
      changed()
    },
  }
}
