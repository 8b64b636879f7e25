import { Ring } from '../ring.ts'
import type { Bus, Clock } from '../ports/index.ts'
import { read, topicOf, write, type Direct } from './messages.ts'

/** How long what was sent may go without word of its arrival before one is asked for, in milliseconds. */
const probeMs = 250
/** How long what has to be said to a node that is gone is kept for it, in milliseconds. */
const forgetMs = 60_000
/** How many messages may be on their way to one node. */
const most = 4_096

/** Something on its way. */
interface Sent {
  readonly n: number
  message: Direct
  text: string
  /** Told when it will not arrive. */
  lost: (() => void) | undefined
}

/**
 * What goes to one other node and comes from it: all of it, once and in order, as long as both live, although the bus
 * may lose messages. Each has a number; whoever misses one asks for everything from there on (go-back-N).
 */
export interface Link {
  /** Sends. `lost` is called, at once or before long, when the message has not arrived and will not any more. */
  send(message: Direct, text?: string, lost?: () => void): void
  /** Takes in what came from the other end; hands on what is next. */
  take(message: Direct, text: string): void
  /**
   * The other node is not heard: whoever waits for word of its message is told that it was lost, and what it may still
   * have to say of the time before comes too late.
   */
  giveUp(): void
  /** Lets the other node know, once it is heard again, that it was given up. */
  remind(): void
  close(): void
}

/** @see Link */
export function createLink(options: {
  node: string
  other: string
  /** Tells this link from an earlier one to the same node. */
  life: number
  bus: Bus
  clock: Clock
  deliver(message: Direct, text: string): void
  /** The other end has given this one up. */
  over(): void
  /** Nobody listens at the other end now. */
  unheard(): void
}): Link {
  const { node, other, life, bus, clock, deliver, over, unheard } = options
  const kept = new Ring<Sent>()
  let sent = 0
  let taken = { life: 0, n: 0, isOver: false }
  let stopProbe: (() => void) | undefined
  let asked = { n: 0, at: Number.NEGATIVE_INFINITY }

  const say = (message: Direct) => bus.publish(topicOf(other), write(message), unheard)

  /** Once for each gap and while: everything behind it arrives too early, and would ask again for all of it. */
  function askAgain(): void {
    const now = clock.monotonic()
    if (asked.n === taken.n && now - asked.at < probeMs) return
    asked = { n: taken.n, at: now }
    say({ kind: 'again', node, from: taken.n + 1, life: taken.life })
  }

  function publish(one: Sent): void {
    bus.publish(topicOf(other), write({ ...one.message, n: one.n, life }, one.text), () => {
      lose(one)
      unheard()
    })
  }

  /** Whoever is told that it was lost must not see it arrive later: its number goes to a message that says nothing. */
  function lose(one: Sent): void {
    const { lost } = one
    if (!lost) return
    Object.assign(one, { message: { kind: 'nothing', node }, text: '', lost: undefined })
    lost()
  }

  function probe(): void {
    stopProbe ??= clock.after(probeMs, () => {
      stopProbe = undefined
      if (kept.length === 0) return
      say({ kind: 'sent', node, upto: sent, life })
      probe()
    })
  }

  function arrived(n: number): void {
    while (kept.length > 0 && (kept.at(0)?.n ?? 0) <= n) kept.shift()
  }

  function each(act: (one: Sent) => void): void {
    for (const one of Array.from({ length: kept.length }, (_, i) => kept.at(i))) if (one) act(one)
  }

  function remind(): void {
    if (taken.isOver && taken.life > 0) say({ kind: 'over', node, life: taken.life })
  }

  /** Goes along with a new beginning of the other end, which counts from 1 again. False when this one was given up. */
  function follow(its: number): boolean {
    if (taken.life !== its) {
      taken = { life: its, n: 0, isOver: false }
      asked = { n: 0, at: Number.NEGATIVE_INFINITY }
    }
    remind()
    return !taken.isOver
  }

  return {
    send(message, text = '', lost) {
      if (kept.length >= most && lost) return lost()
      const one = { n: ++sent, message, text, lost }
      kept.push(one)
      publish(one)
      probe()
    },
    take(message, text) {
      if (message.kind === 'got' || message.kind === 'again') {
        if (message.life !== life) return
        arrived(message.kind === 'got' ? message.upto : message.from - 1)
        if (message.kind === 'again') each(publish)
      } else if (message.kind === 'over') {
        if (message.life === life) over()
      } else if (message.kind === 'sent') {
        if (!follow(message.life)) return
        if (message.upto > taken.n) askAgain()
        else say({ kind: 'got', node, upto: taken.n, life: taken.life })
      } else {
        const { n = 0, life: its = 0 } = message
        if (!follow(its)) return
        if (n > taken.n + 1) return askAgain()
        if (n <= taken.n) return
        taken.n = n
        deliver(message, text)
      }
    },
    giveUp() {
      each(lose)
      taken.isOver = true
    },
    remind,
    close() {
      stopProbe?.()
      each(lose)
    },
  }
}

/** The links to all other nodes. */
export interface Links {
  to(other: string): Pick<Link, 'send'>
  /** A node is not heard any more. What is not lost by that waits, in case it comes back. */
  giveUp(other: string): void
  /** Called about once a second. */
  tick(): void
  close(): void
}

/** @see Links. `deliver` gets what other nodes send, once and in order; `ask` what needs neither. */
export function createLinks(options: {
  node: string
  bus: Bus
  clock: Clock
  deliver(message: Direct, text: string): void
  asked(from: string): void
  /** Whether a node was heard lately. */
  reaches(other: string): boolean
  /** Nobody listens at another node now. */
  unheard(other: string): void
  /** Another node has given this one up, and all they had with each other. */
  over(other: string): void
}): Links {
  const { node, bus, clock } = options
  const links = new Map<string, Link>()
  let lives = 0

  function to(other: string): Link {
    const known = links.get(other)
    if (known) return known
    const link = createLink({
      ...options,
      other,
      life: ++lives,
      unheard: () => options.unheard(other),
      over() {
        link.close()
        links.delete(other)
        options.over(other)
        // With the first word of the new beginning the other end knows of it.
        to(other).send({ kind: 'nothing', node })
      },
    })
    links.set(other, link)
    return link
  }

  const unsubscribe = bus.subscribe(topicOf(node), (written) => {
    const { message, text } = read(written)
    if (message.kind === 'ask') options.asked(message.node)
    else to(message.node).take(message, text)
  })

  return {
    to,
    giveUp(other) {
      const link = links.get(other)
      link?.giveUp()
      clock.after(forgetMs, () => {
        if (links.get(other) !== link || options.reaches(other)) return
        link?.close()
        links.delete(other)
      })
    },
    tick() {
      for (const [other, link] of links) if (options.reaches(other)) link.remind()
    },
    close() {
      unsubscribe()
      for (const link of links.values()) link.close()
      links.clear()
    },
  }
}
