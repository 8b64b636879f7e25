/** Messages for one topic that go out as one. */
export interface Bundle {
  readonly topic: string
  text: string
  /** How long its messages are together. */
  size: number
  /** Whoever wants to know that nobody got its message. */
  readonly unheard: (() => void)[]
}

/** Puts together what is published while one thing is handled. */
export interface Bundles {
  add(topic: string, message: string, unheard: (() => void) | undefined): void
  /** Sends what waits, now. */
  flush(): void
}

/**
 * To write to a server is most of what a message costs, here and there. So what is published while one thing is handled
 * goes out together, at its end; and what else comes of things that were there to be handled already waits until all of
 * them have been. Messages stay in order across topics: only neighbours are put together.
 */
export function createBundles(send: (bundle: Bundle) => void): Bundles {
  let waiting: Bundle[] = []
  let hasSent = false
  const now = Promise.resolve()

  function flush(): void {
    const bundles = waiting
    waiting = []
    for (const bundle of bundles) send(bundle)
  }

  // As for sockets: a microtask comes when all frames of one read have been handled, setImmediate when everything has been
  // read that was there to be read.
  function begin(): void {
    flush()
    hasSent = true
    setImmediate(() => {
      hasSent = false
      flush()
    })
  }

  return {
    add(topic, message, unheard) {
      if (waiting.length === 0 && !hasSent) void now.then(begin)
      let bundle = waiting.at(-1)
      if (bundle?.topic !== topic) waiting.push((bundle = { topic, text: '', size: 0, unheard: [] }))
      bundle.text += `${message.length}:${message}`
      bundle.size += message.length
      if (unheard) bundle.unheard.push(unheard)
    },
    flush,
  }
}

/** The messages of a bundle, in order. What is none is handed on as it is: whoever listens has to judge it anyway. */
export function* messagesOf(text: string, from: number): Generator<string> {
  for (let at = from; at < text.length;) {
    const colon = text.indexOf(':', at)
    const end = colon + 1 + Number(text.slice(at, colon))
    if (colon < 0 || !(end > colon)) return yield text.slice(at)
    yield text.slice(colon + 1, end)
    at = end
  }
}
