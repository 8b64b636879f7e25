/** Whose frames they are. */
export interface InboxOwner {
  /** Handles a frame. What is still to be waited for is returned. `now` is monotonic, in milliseconds. */
  handle(text: string, size: number, now: number): Promise<void> | undefined
  /** Monotonic, in milliseconds. */
  now(): number
}

/**
 * Frames of one peer, handled one after the other, each only once the one before is done; those behind it wait, within a
 * bound.
 */
export class Inbox {
  readonly #owner: InboxOwner
  readonly #bound: number
  // Most connections of a large server are idle, and most frames need not wait.
  #waiting: { text: string; size: number }[] | undefined
  #bytes = 0
  #isBusy = false

  /** `bound` is how many bytes may wait. */
  constructor(owner: InboxOwner, bound: number) {
    this.#owner = owner
    this.#bound = bound
  }

  /** Takes in a frame that has come now; false when more would wait than may. */
  take(text: string, size: number, now: number): boolean {
    if (!this.#isBusy) {
      this.#begin(text, size, now)
      return true
    }
    if (this.#bytes + size > this.#bound) return false
    this.#waiting ??= []
    this.#waiting.push({ text, size })
    this.#bytes += size
    return true
  }

  /** Lets go of what waits. */
  clear(): void {
    this.#waiting = undefined
    this.#bytes = 0
  }

  #begin(text: string, size: number, now: number): void {
    const pending = this.#owner.handle(text, size, now)
    if (!pending) return
    this.#isBusy = true
    const goOn = () => this.#goOn()
    pending.then(goOn, goOn)
  }

  #goOn(): void {
    this.#isBusy = false
    while (!this.#isBusy) {
      const next = this.#waiting?.shift()
      if (!next) return
      this.#bytes -= next.size
      this.#begin(next.text, next.size, this.#owner.now())
    }
  }
}
