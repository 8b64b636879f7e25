import type { Bus } from '../ports/index.ts'
import { ok, range, same } from './storage-contract-kit.ts'

/** A line between nodes, as the bus suite needs it. */
export interface BusLine {
  /** The end of one more node; resolves when it is up. */
  connect(): Promise<Bus>
  /** Cuts every end off, or mends that; it may take the ends a moment to notice. */
  cut(isCut: boolean): void | Promise<void>
  /** Whether the ends know when nobody listens. */
  readonly tellsUnheard: boolean
}

/** One promise of the bus port, as a test without a framework: `run` rejects when the promise is broken. */
export interface BusCase {
  readonly name: string
  /** Wants a line of its own; closes the ends that it connected. */
  run(line: BusLine): Promise<void>
}

/** How long a bus has to notice something, in milliseconds. */
const patienceMs = 10_000

/**
 * Every promise of the bus port as a list of tests that need no framework: give each `run` a fresh line and expect it to
 * resolve; a broken promise rejects with a sentence that says which.
 *
 * ```ts
 * for (const { name, run } of busContract) test(name, async () => run(await freshLine()))
 * ```
 */
export const busContract: readonly BusCase[] = [
  {
    name: 'bus: every other node that listens hears a message, as it was; the one that publishes does not',
    run: (line) =>
      withEnds(line, 3, async ([a, b, c]) => {
        const heard = [a, b, c].map((end) => listen(end, 'news'))
        await up(a, b, c)
        const texts = ['', 'two\nlines', '"\u2028\u0000 \u{1F600}', 'x'.repeat(200_000)]
        for (const text of texts) a.publish('news', text)
        await eventually(() => heard.slice(1).every(({ length }) => length === texts.length), 'both others hear it')
        await settle(a, b)
        same(heard, [[], texts, texts], 'what a, b and c heard')
      }),
  },
  {
    name: 'bus: messages of one publisher on one topic arrive in order, each once',
    run: (line) =>
      withEnds(line, 3, async ([a, b, c]) => {
        const heard = listen(c, 'news')
        await up(c)
        const numbers = range(1, 2_000)
        for (const n of numbers)
          for (const [name, end] of [['a', a] as const, ['b', b] as const]) end.publish('news', `${name}${n}`)
        await eventually(() => heard.length >= 2 * numbers.length, 'all of them arrive')
        for (const name of ['a', 'b']) {
          same(
            heard.filter((text) => text.startsWith(name)),
            numbers.map((n) => `${name}${n}`),
            `those of ${name}`,
          )
        }
      }),
  },
  {
    name: 'bus: each listener hears its own topic, from when it subscribed until it ends that',
    run: (line) =>
      withEnds(line, 2, async ([a, b]) => {
        const other = listen(b, 'other')
        const [one, two]: [string[], string[]] = [[], []]
        const end = b.subscribe('news', (text) => one.push(text))
        const endTwo = b.subscribe('news', (text) => two.push(text))
        await up(b)
        a.publish('news', '1')
        await eventually(() => one.length === 1 && two.length === 1, 'both listeners hear it')
        end()
        a.publish('news', '2')
        await eventually(() => two.length === 2, 'the one that is left hears the next one')
        endTwo()
        a.publish('news', '3')
        await settle(a, b)
        b.subscribe('news', (text) => two.push(text))
        await up(b)
        a.publish('news', '4')
        await eventually(() => two.length === 3, 'whoever listens again hears again')
        same([one, two, other], [['1'], ['1', '2', '4'], []], 'what each heard')
      }),
  },
  {
    name: 'bus: a publisher is told when nobody listens, where that is known, and never when somebody does',
    run: (line) =>
      withEnds(line, 2, async ([a, b]) => {
        const heard = listen(b, 'news')
        await up(b)
        const unheard: string[] = []
        for (const topic of ['nobody', 'news']) a.publish(topic, topic, () => unheard.push(topic))
        await eventually(() => heard.length === 1, 'the other one hears it')
        if (line.tellsUnheard) await eventually(() => unheard.length > 0, 'the publisher is told')
        await settle(a, b)
        same(unheard, line.tellsUnheard ? ['nobody'] : [], 'unheard')
      }),
  },
  {
    name: 'bus: a cut is noticed, what is published meanwhile is unheard and never comes, and afterwards all is as before',
    run: (line) =>
      withEnds(line, 2, async ([a, b]) => {
        const [heardA, heardB] = [listen(a, 'news'), listen(b, 'news')]
        await up(a, b)
        await line.cut(true)
        await eventually(() => !a.isUp && !b.isUp, 'both ends notice')
        same([a.outages, b.outages], [1, 1], 'outages')
        let unheard = 0
        for (const end of [a, b]) end.publish('news', 'lost', () => unheard++)
        await eventually(() => unheard === 2, 'both are told that nobody heard')
        await line.cut(false)
        await eventually(() => a.isUp && b.isUp, 'both ends are up again')
        same([a.outages, b.outages], [1, 1], 'outages afterwards')
        a.publish('news', 'from a')
        b.publish('news', 'from b')
        await eventually(() => heardA.length > 0 && heardB.length > 0, 'both hear again')
        await settle(a, b)
        same([heardA, heardB], [['from b'], ['from a']], 'what was heard')
      }),
  },
  {
    name: 'bus: a last word before close is heard',
    run: (line) =>
      withEnds(line, 2, async ([a, b]) => {
        const heard = listen(b, 'news')
        await up(b)
        for (const word of ['I', 'go']) a.publish('news', word)
        await a.close()
        await eventually(() => heard.length === 2, 'the other one hears it')
      }),
  },
  {
    name: 'bus: after close nothing is heard or sent, nothing throws, and closing again is harmless',
    run: (line) =>
      withEnds(line, 3, async ([a, b, c]) => {
        const [heardB, heardC] = [listen(b, 'news'), listen(c, 'news')]
        await up(b, c)
        await b.close()
        a.publish('news', '1')
        await eventually(() => heardC.length === 1, 'those that are left hear each other')
        let unheard = 0
        b.publish('news', '2', () => unheard++)
        await eventually(() => unheard === 1, 'one that is closed tells nobody, and says so')
        b.subscribe('news', (text) => heardB.push(text))()
        await b.close()
        await settle(a, c)
        same([heardB, heardC, b.isUp], [[], ['1'], false], 'what was heard, and whether it is up')
      }),
  },
]

type Ends = readonly [Bus, Bus, Bus]

/** Runs a case with so many ends; those that it does not ask for are the last one again. */
async function withEnds(line: BusLine, count: 2 | 3, run: (ends: Ends) => Promise<void>): Promise<void> {
  const [a, b] = [await line.connect(), await line.connect()]
  const c = count === 3 ? await line.connect() : b
  try {
    await run([a, b, c])
  } finally {
    await Promise.all([a, b, c].map((end) => end.close()))
  }
}

function listen(end: Bus, topic: string): string[] {
  const heard: string[] = []
  end.subscribe(topic, (text) => heard.push(text))
  return heard
}

const up = (...ends: Bus[]) => eventually(() => ends.every(({ isUp }) => isUp), 'the ends are up')

/** Until a message has gone from one end to the other: whatever was to come before it has come. */
async function settle(from: Bus, to: Bus): Promise<void> {
  const heard: string[] = []
  const end = to.subscribe('settle', (text) => heard.push(text))
  await up(to)
  from.publish('settle', '')
  await eventually(() => heard.length > 0, 'a last message arrives')
  end()
}

async function eventually(isSo: () => boolean, what: string): Promise<void> {
  for (let waited = 0; !isSo(); waited += 10) {
    ok(waited < patienceMs, `${what}: not in ${patienceMs} ms`)
    await new Promise<void>((resolve) => setTimeout(resolve, 10))
  }
}
