/** A value that is there, or will be. */
export type Awaitable<T> = T | Promise<T>

/** Goes on at once with a value, later with a promise: what need not wait does not. */
export function chain<T, R>(value: Awaitable<T>, next: (value: T) => Awaitable<R>): Awaitable<R> {
  return value instanceof Promise ? value.then(next) : next(value)
}
