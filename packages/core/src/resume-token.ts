/** What a client shows to have its session back. A token is good for one resume; the next one comes with the welcome. */
export class ResumeToken {
  readonly #make: () => string
  #current: string
  #spent: { token: string; id: string } | undefined

  /** `make` makes secrets. */
  constructor(make: () => string) {
    this.#make = make
    this.#current = make()
  }

  get current(): string {
    return this.#current
  }

  /**
   * Whether the hello with this id may resume with this token. The hello that spent a token may come again: its welcome can
   * have been lost on the way, and with it the next token.
   */
  admits(token: string, id: string): boolean {
    return token === this.#current || (token === this.#spent?.token && id === this.#spent.id)
  }

  /** A hello with this id has resumed with this token. */
  spend(token: string, id: string): void {
    this.#spent = { token, id }
    this.#current = this.#make()
  }
}
