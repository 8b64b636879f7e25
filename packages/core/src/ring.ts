/** A queue whose both ends cost nothing to move. */
export class Ring<T> {
  #items: (T | undefined)[] = []
  #head = 0
  length = 0

  push(item: T): void {
    if (this.length === this.#items.length) this.#grow()
    this.#items[this.#place(this.length++)] = item
  }

  shift(): T | undefined {
    if (this.length === 0) return undefined
    const item = this.#items[this.#head]
    this.#items[this.#head] = undefined
    this.#head = this.#place(1)
    this.length--
    return item
  }

  /** The item at a place counted from the oldest, 0. */
  at(index: number): T | undefined {
    return index >= 0 && index < this.length ? this.#items[this.#place(index)] : undefined
  }

  /** Puts another item in the place of the one at `index`. */
  replace(index: number, item: T): void {
    if (index >= 0 && index < this.length) this.#items[this.#place(index)] = item
  }

  // The capacity is a power of two, so that wrapping round is one bitwise and.
  #place(index: number): number {
    return (this.#head + index) & (this.#items.length - 1)
  }

  #grow(): void {
    const items = Array.from({ length: this.length }, (_, index) => this.at(index))
    this.#items = [...items, ...Array<undefined>(Math.max(items.length, 8))]
    this.#head = 0
  }
}
