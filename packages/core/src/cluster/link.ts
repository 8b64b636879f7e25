import { Ring } from '../ring.ts'
import type { Bus, Clock } from '../ports/index.ts'
import { read, topicOf, write, type Direct } from './messages.ts'

/** How long what was sent may go without word of its arrival before one is asked for, in milliseconds. */
const probeMs = 250
/** How long what has to be said to a node that is gone is kept for it, in milliseconds. */
const forgetMs = 60_000
/** After how long without word of its arrival a message is lost, twice that at most; in milliseconds. */
const lateMs = 8_000
/** How many messages may be on their way to one node, and after how many of them word is asked for at once. */
const most = 4_096
const many = most / 4

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
  /** Gives up what has been on its way for too long, though the other node is heard; called about once a second. */
  tick(): void
  close(): void
}

/** @see Link */
export function createLink(options: {
  node: string
  other: string
  /** A number that no count of this node has begun with. */
  newLife(): number
  /** The other end has said what had got there, so many milliseconds after it was first asked. */
  answered(ms: number): void
  bus: Bus
  clock: Clock
  deliver(message: Direct, text: string): void
  /** The other end has given this one up, or forgotten it. */
  over(): void
  /** Nobody listens at the other end now. */
  unheard(): void
}): Link {
  const { node, other, newLife, bus, clock, answered, deliver, over, unheard } = options
  const kept = new Ring<Sent>()
  let life = newLife()
  let sent = 0
  let confirmed = 0
  let taken = { life: 0, n: 0, isOver: false }
  /** How many were sent before the other end was given up. */
  let before = 0
  let stopProbe: (() => void) | undefined
  /** Since when an answer is waited for; undefined while none is. */
  let probedAt: number | undefined
  let asked = { n: 0, at: Number.NEGATIVE_INFINITY }
  /** How far it had come at a look that is not long ago. */
  let looked = { sent: 0, at: 0 }

  const say = (message: Direct) => bus.publish(topicOf(other), write(message), unheard)

  /** Once for each gap and while: everything behind it arrives too early, and would ask again for all of it. */
  function askAgain(): void {
    const now = clock.monotonic()
    if (asked.n === taken.n && now - asked.at < probeMs) return
    asked = { n: taken.n, at: now }
    say({ kind: 'again', node, from: taken.n + 1, life: taken.life })
  }

  function publish(one: Sent): void {
    // An answer is word that what it answers has come: who has the one must not be told that the other was lost.
    const got = taken.life === 0 ? undefined : { upto: taken.n, life: taken.life }
    // What begins between the two now must not end with what is over, and may come before word of that.
    const isAnew = (taken.isOver && one.n > before) || undefined
    bus.publish(topicOf(other), write({ ...one.message, n: one.n, life, got, isAnew }, one.text), () => {
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

  function askForWord(): void {
    probedAt ??= clock.monotonic()
    say({ kind: 'sent', node, upto: sent, life })
  }

  function probe(): void {
    stopProbe ??= clock.after(probeMs, () => {
      stopProbe = undefined
      if (kept.length === 0) return
      askForWord()
      probe()
    })
  }

  function arrived(n: number): void {
    confirmed = Math.max(confirmed, n)
    while (kept.length > 0 && (kept.at(0)?.n ?? 0) <= n) kept.shift()
  }

  function each(act: (one: Sent) => void): void {
    for (const one of Array.from({ length: kept.length }, (_, i) => kept.at(i))) if (one) act(one)
  }

  function remind(): void {
    if (!taken.isOver || taken.life === 0) return
    say({ kind: 'over', node, upto: before, life, got: { upto: taken.n, life: taken.life } })
    // It may have forgotten all of this link by now, and does not miss anything then.
    say({ kind: 'sent', node, upto: sent, life })
  }

  /** What was sent is void, and counted anew. What comes is counted on, or the other end would have to begin anew in turn. */
  function begin(): void {
    const { isOver } = taken
    each(lose)
    while (kept.length > 0) kept.shift()
    life = newLife()
    sent = confirmed = before = looked.sent = 0
    over()
    // That gave the link up here as well, which the other end has done already.
    taken.isOver = isOver
    // With the first word of the new beginning the other end knows of it.
    send({ kind: 'nothing', node })
  }

  function send(message: Direct, text = '', lost?: () => void): void {
    if (kept.length >= most && lost) return lost()
    const one = { n: ++sent, message, text, lost }
    kept.push(one)
    publish(one)
    if (kept.length % many === 0) askForWord()
    probe()
  }

  /** Goes along with a new beginning of the other end, which counts from 1 again. False when this one was given up. */
  function follow(its: number): boolean {
    if (taken.life !== its) {
      // What was given up before a word of it had come is given up with the first one.
      taken = { life: its, n: 0, isOver: taken.life === 0 && taken.isOver }
      asked = { n: 0, at: Number.NEGATIVE_INFINITY }
    }
    // The other end has to know this one's count, to be able to say that it gave it up.
    if (sent === 0) send({ kind: 'nothing', node })
    remind()
    return !taken.isOver
  }

  return {
    send,
    take(message, text) {
      if (message.kind === 'got' || message.kind === 'again') {
        if (message.life !== life) return
        if (probedAt !== undefined) answered(clock.monotonic() - probedAt)
        probedAt = undefined
        // It asks for what it has had: it does not know of that any more.
        if (message.kind === 'again' && message.from <= confirmed) return begin()
        arrived(message.kind === 'got' ? message.upto : message.from - 1)
        if (message.kind === 'again') each(publish)
      } else if (message.kind === 'over') {
        if (message.got?.life !== life) return
        // Whoever still gets the end of a session, or an answer, is not to be told of another one before it.
        if (follow(message.life) && message.upto > taken.n) return askAgain()
        arrived(message.got.upto)
        begin()
      } else if (message.kind === 'sent') {
        if (!follow(message.life)) return
        if (message.upto > taken.n) askAgain()
        else say({ kind: 'got', node, upto: taken.n, life: taken.life })
      } else if (message.n !== undefined) {
        const { n, life: its = 0 } = message
        if (!follow(its)) return
        if (n > taken.n + 1) return askAgain()
        if (n <= taken.n) return
        taken.n = n
        if (message.got?.life === life) {
          arrived(message.got.upto)
          if (message.isAnew) begin()
        }
        deliver(message, text)
      }
    },
    giveUp() {
      probedAt = undefined
      each(lose)
      taken.isOver = true
      before = sent
    },
    remind,
    tick() {
      const now = clock.monotonic()
      const first = kept.at(0)
      const isStuck = first !== undefined && first.n <= looked.sent
      if (isStuck && now - looked.at < lateMs) return
      // Whoever hears the other end may not be heard there.
      if (isStuck) each((one) => one.n <= looked.sent && lose(one))
      looked = { sent, at: now }
    },
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
  answered(ms: number): void
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
      newLife: () => ++lives,
      unheard: () => options.unheard(other),
      over: () => options.over(other),
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
      for (const [other, link] of links) {
        link.tick()
        if (options.reaches(other)) link.remind()
      }
    },
    close() {
      unsubscribe()
      for (const link of links.values()) link.close()
      links.clear()
    },
  }
}
