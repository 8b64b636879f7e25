/** Event names and what each carries. */
export type EventMap<E> = { [T in keyof E]: unknown[] }

/** Typed events: `on` returns its own unsubscribe. */
export interface Emitter<E extends EventMap<E>> {
  /** Listens until the returned function is called. Listeners run in the order in which they came. */
  on<T extends keyof E>(type: T, listener: (...args: E[T]) => void): () => void
  /** Calls every listener, whatever the others do, and says whether there was one. */
  emit<T extends keyof E>(type: T, ...args: E[T]): boolean
}

/** Makes an emitter. What a listener throws goes to `onFault`; it breaks neither the others nor the one who emits. */
export function createEmitter<E extends EventMap<E>>(onFault: (error: unknown) => void = report): Emitter<E> {
  const listeners = new Map<keyof E, Set<(args: unknown[]) => void>>()
  return {
    on(type, listener) {
      const set = listeners.get(type) ?? new Set()
      listeners.set(type, set)
      // A wrapper of its own for each call: the same function may listen twice, and each `off` removes its own.
      // `emit` takes what belongs to the type that the set is for.
      const own = (args: unknown[]): void => listener(...(args as Parameters<typeof listener>))
      set.add(own)
      return () => void set.delete(own)
    },
    emit(type, ...args) {
      const called = [...(listeners.get(type) ?? [])]
      for (const listener of called) {
        try {
          listener(args)
        } catch (error) {
          onFault(error)
        }
      }
      return called.length > 0
    },
  }
}

/** Makes an error visible that nobody is there to catch, as the platform does for its own event targets. */
export function report(error: unknown): void {
  if (typeof reportError === 'function') reportError(error)
  else
    setTimeout(() => {
      throw error
    })
}
