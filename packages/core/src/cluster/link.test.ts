import { describe, expect, it } from 'vitest'
import { createMemoryBusLine } from '../memory/bus.ts'
import type { Bus } from '../ports/index.ts'
import { createManualClock } from '../testing/manual-clock.ts'
import { createLinks } from './link.ts'
import { topicOf } from './messages.ts'

const names = ['one', 'two'] as const
type Name = (typeof names)[number]

/** Two nodes with a link between them, and what each of them has heard. */
function createPair() {
  const clock = createManualClock()
  const line = createMemoryBusLine()
  const isHeard = { one: true, two: true }
  /** What comes to each node, and when it begins anew, in order. */
  const heard: Record<Name, string[]> = { one: [], two: [] }
  /** How long a message is on its way. */
  const way = { ms: 0 }
  /** Decides about each message of a node whether it gets lost. */
  const loses: Record<Name, () => boolean> = { one: () => false, two: () => false }
  const ends = names.map((node, at) => {
    const bus = line.connect()
    const leaky: Bus = {
      ...bus,
      get isUp() {
        return bus.isUp
      },
      publish(...of) {
        if (loses[node]()) return
        if (way.ms === 0) bus.publish(...of)
        else clock.after(way.ms, () => bus.publish(...of))
      },
    }
    const got: string[] = []
    const over: string[] = []
    const other = names[1 - at] ?? 'one'
    const links = createLinks({
      node,
      bus: leaky,
      clock,
      deliver({ kind }, text) {
        if (kind === 'nothing') return
        got.push(text)
        heard[node].push(text)
      },
      answered() {},
      asked() {},
      reaches: () => isHeard[other],
      unheard() {},
      // What the cluster does with a node that it loses, unless it has lost it already.
      over(from) {
        over.push(from)
        heard[node].push('over')
        if (isHeard[other]) links.giveUp(from)
      },
    })
    const say = (text: string, lost?: () => void) =>
      links.to(other).send({ kind: 'call', node, peer_id: '', size: 0 }, text, lost)
    return { links, got, over, say, other }
  })
  const [one, two] = ends as [(typeof ends)[number], (typeof ends)[number]]
  return {
    one,
    two,
    line,
    loses,
    isHeard,
    heard,
    way,
    async pass(seconds: number) {
      for (let i = 0; i < seconds * 4; i++) {
        clock.advance(250)
        if (i % 4 === 0) for (const { links } of ends) links.tick()
        await new Promise<void>((resolve) => setTimeout(resolve, 0))
      }
    },
  }
}

describe('what one node sends another', () => {
  // What takes longer than the pause between two questions is asked for twice, and comes twice.
  it.each([0, 400])('arrives once and in order, although the bus loses a third of it, in %i ms', async (ms) => {
    const { one, two, loses, way, pass } = createPair()
    let random = 1
    loses.one = loses.two = () => (random = (random * 48_271) % 2_147_483_647) % 3 === 0
    way.ms = ms
    const texts = Array.from({ length: 30 }, (_, i) => String(i))
    for (const text of texts) one.say(text)
    await pass(60)
    expect(two.got).toEqual(texts)
    expect(one.over).toEqual([])
  })

  it('is told as lost before long where the other end hears nothing and is heard all the same', async () => {
    const { one, two, loses, pass } = createPair()
    one.say('1')
    await pass(1)
    loses.one = () => true
    let lost = 0
    for (const text of ['2', '3']) one.say(text, () => lost++)
    one.say('kept')
    await pass(7)
    expect(lost).toBe(0)
    await pass(10)
    expect(lost).toBe(2)
    loses.one = () => false
    await pass(1)
    // What was sent a moment ago has its time, though what was sent before it has had it.
    loses.one = () => true
    one.say('5', () => lost++)
    await pass(6)
    one.say('6', () => lost++)
    await pass(3)
    expect(lost).toBe(3)
    loses.one = () => false
    one.say('4', () => lost++)
    await pass(20)
    expect([lost, two.got]).toEqual([3, ['1', 'kept', '6', '4']])
  })

  it('does not arrive once its sender was told that it will not', async () => {
    const { one, two, line, pass } = createPair()
    one.say('1')
    await pass(1)
    let lost = 0
    line.cut(true)
    one.say('2', () => lost++)
    await pass(1)
    line.cut(false)
    one.say('3')
    await pass(2)
    expect([lost, two.got]).toEqual([1, ['1', '3']])
  })

  it('is refused at once where too much is on its way already, and what must not get lost is not', async () => {
    const { one, two, loses, pass } = createPair()
    loses.one = () => true
    let lost = 0
    for (let n = 0; n < 4_100; n++) one.say(String(n), () => lost++)
    expect(lost).toBe(4)
    one.say('the end')
    loses.one = () => false
    await pass(1)
    expect([two.got.length, two.got.at(-1)]).toEqual([4_097, 'the end'])
  })

  it('is asked for once where one of many is missing', async () => {
    const { one, two, loses, pass } = createPair()
    let answers = 0
    loses.two = () => ++answers < 0
    loses.one = () => true
    one.say('0')
    loses.one = () => false
    for (let n = 1; n < 100; n++) one.say(String(n))
    await pass(1)
    expect(two.got).toHaveLength(100)
    expect(answers).toBeLessThan(5)
  })

  it('is not refused where the other end takes it all: word of that is asked for in time', async () => {
    const { one, two } = createPair()
    let lost = 0
    for (let n = 0; n < 10_000; n++) {
      one.say(String(n), () => lost++)
      // The clock stands still: it all happens faster than anybody would ask after it.
      if (n % 100 === 0) await new Promise<void>((resolve) => setTimeout(resolve, 0))
    }
    await new Promise<void>((resolve) => setTimeout(resolve, 0))
    expect([lost, two.got.length]).toEqual([0, 10_000])
  })

  it('arrives after one end was given up and forgotten, and the other knew nothing of it', async () => {
    const { one, two, loses, isHeard, pass } = createPair()
    one.say('1')
    two.say('1')
    await pass(1)
    loses.one = () => true
    one.say('what nobody waits for any more')
    isHeard.two = false
    one.links.giveUp('two')
    await pass(61)
    loses.one = () => false
    isHeard.two = true
    let lost = 0
    two.say('2', () => lost++)
    await pass(2)
    two.say('3')
    one.say('2')
    await pass(2)
    // What was sent on what had been forgotten is told as lost, and never comes.
    expect([lost, one.got, two.got]).toEqual([1, ['1', '3'], ['1', '2']])
    expect([one.over, two.over]).toEqual([[], ['one']])
  })

  it('arrives after a node slept until it was forgotten: it finds that out before it has anything to say', async () => {
    const { one, two, isHeard, pass } = createPair()
    for (const end of [one, two]) end.say('1')
    await pass(1)
    isHeard.two = false
    one.links.giveUp('two')
    await pass(61)
    isHeard.two = true
    two.links.giveUp('one')
    await pass(2)
    for (const end of [one, two]) end.say('2', () => expect.unreachable())
    await pass(2)
    expect([one.got, two.got]).toEqual([
      ['1', '2'],
      ['1', '2'],
    ])
  })

  it('comes too late where the other end has given its sender up, who is told that it was lost', async () => {
    const { one, two, pass } = createPair()
    two.say('1')
    await pass(1)
    one.links.giveUp('two')
    let lost = 0
    two.say('2', () => lost++)
    await pass(2)
    two.say('3', () => lost++)
    await pass(1)
    expect([lost, one.got]).toEqual([1, ['1', '3']])
  })

  it('is not told as lost to whoever has had an answer, though the word that it came was lost', async () => {
    const { one, two, pass } = createPair()
    const fates: string[] = []
    one.say('a request', () => fates.push('lost'))
    await pass(0)
    two.say('its answer')
    await new Promise<void>((resolve) => setTimeout(resolve, 0))
    expect([two.got, one.got]).toEqual([['a request'], ['its answer']])
    one.links.giveUp('two')
    expect(fates).toEqual([])
  })

  it('is not taken for arrived because as much had come before a new beginning', async () => {
    const { one, two, loses, pass } = createPair()
    for (const text of ['1', '2', '3']) one.say(text)
    await pass(0)
    two.links.giveUp('one')
    loses.one = () => true
    await pass(1)
    expect(one.over).toEqual(['two'])
    one.say('4')
    two.say('an answer to 3')
    await pass(0)
    loses.one = () => false
    await pass(2)
    expect([one.got, two.got]).toEqual([['an answer to 3'], ['1', '2', '3', '4']])
  })

  it('comes before the word that its receiver was given up, if it was said before, though it was lost at first', async () => {
    const { one, two, loses, heard, pass } = createPair()
    one.say('0')
    two.say('a request')
    await pass(1)
    loses.one = () => true
    one.say('the answer, and the end of a session')
    one.links.giveUp('two')
    loses.one = () => false
    await pass(3)
    expect(heard.two).toEqual(['0', 'the answer, and the end of a session', 'over'])
    expect(heard.one).toEqual(['a request'])
  })

  it('comes after that word, if it was said after, though that word was lost', async () => {
    const { one, two, loses, heard, pass } = createPair()
    for (const end of [one, two]) end.say('1')
    await pass(1)
    loses.one = () => true
    one.say('the end')
    one.links.giveUp('two')
    await pass(2)
    loses.one = () => false
    one.say('a beginning')
    await pass(0)
    await pass(3)
    expect(heard.two).toEqual(['1', 'the end', 'over', 'a beginning'])
    for (const end of [one, two]) end.say('2')
    await pass(1)
    expect([heard.one, heard.two.at(-1)]).toEqual([['1', '2'], '2'])
  })

  it('is not told as lost to whoever was given up after it had come, though the word that it came was lost', async () => {
    const { one, two, loses, heard, pass } = createPair()
    two.say('1')
    await pass(1)
    loses.one = () => true
    two.say('a request', () => heard.two.push('lost'))
    await pass(0)
    one.links.giveUp('two')
    loses.one = () => false
    await pass(3)
    expect(heard).toEqual({ one: ['1', 'a request'], two: ['over'] })
  })

  it('comes after that word to an end of which nothing had come', async () => {
    const { one, loses, heard, pass } = createPair()
    loses.two = () => true
    one.say('1')
    await pass(1)
    one.links.giveUp('two')
    loses.one = () => true
    loses.two = () => false
    await pass(1)
    loses.one = () => false
    one.say('a beginning')
    await pass(2)
    expect(heard).toEqual({ one: [], two: ['1', 'over', 'a beginning'] })
  })

  it('is over as well with an end that was given up before it had said anything, or before that had come', async () => {
    for (const says of [true, false]) {
      const { one, two, loses, heard, pass } = createPair()
      loses.two = () => true
      one.say('1')
      await pass(0)
      if (says) two.say('too late')
      await pass(1)
      one.links.giveUp('two')
      loses.two = () => false
      await pass(2)
      expect(heard).toEqual({ one: [], two: ['1', 'over'] })
      for (const end of [one, two]) end.say('2')
      await pass(1)
      expect(heard).toEqual({ one: ['2'], two: ['1', 'over', '2'] })
    }
  })

  it('goes on after both ends gave each other up while something was on its way, one of them earlier', async () => {
    const { one, two, loses, isHeard, heard, pass } = createPair()
    for (const end of [one, two]) end.say('1')
    await pass(1)
    loses.one = loses.two = () => true
    for (const end of [one, two]) end.say('too late')
    isHeard.two = false
    for (const end of [one, two]) end.links.giveUp(end.other)
    await pass(1)
    loses.two = () => false
    // One hears that it was given up; two hears nothing yet.
    await pass(3)
    loses.one = () => false
    await pass(2)
    isHeard.two = true
    for (const end of [one, two]) end.say('2')
    await pass(2)
    expect([heard.one.at(-1), heard.two.at(-1)]).toEqual(['2', '2'])
    expect([...heard.one, ...heard.two]).not.toContain('too late')
  })

  it('arrives after one end was given up, and each begins anew once', async () => {
    for (const both of [false, true]) {
      const { one, two, line, loses, pass } = createPair()
      for (const end of [one, two]) for (const text of ['1', '2']) end.say(text)
      await pass(1)
      one.links.giveUp('two')
      if (both) two.links.giveUp('one')
      await pass(5)
      // Both know by now, and no more is said of it.
      const told: string[] = []
      line.connect().subscribe(topicOf('two'), (message) => told.push(message))
      await pass(5)
      expect(told).toEqual([])
      for (const end of [one, two]) end.say('3')
      await pass(2)
      expect([one.got, two.got]).toEqual([
        ['1', '2', '3'],
        ['1', '2', '3'],
      ])
      expect([one.over, two.over]).toEqual([both ? ['two'] : [], ['one']])
      // It was heard again before it was to be forgotten, and so what is on its way then is not.
      await pass(46)
      loses.one = loses.two = () => true
      for (const end of [one, two]) end.say('4')
      await pass(4)
      loses.one = loses.two = () => false
      await pass(2)
      expect([one.got.at(-1), two.got.at(-1)]).toEqual(['4', '4'])
      expect([one.over, two.over]).toEqual([both ? ['two'] : [], ['one']])
    }
  })

  it('is counted anew by whoever has forgotten the other end, whatever that still has to say of the time before', async () => {
    const { one, two, loses, isHeard, way, pass } = createPair()
    loses.two = () => true
    for (const text of ['1', '2', '3']) one.say(text)
    isHeard.two = false
    one.links.giveUp('two')
    await pass(59)
    loses.two = () => false
    way.ms = 1_500
    // The last question after them is answered when there is nobody left who asked it.
    await pass(10)
    way.ms = 0
    isHeard.two = true
    loses.one = () => true
    one.say('a')
    loses.one = () => false
    one.say('b')
    await pass(2)
    expect([two.got, one.over, two.over]).toEqual([['1', '2', '3', 'a', 'b'], [], []])
  })

  it('is nothing while the other end is not heard and there is nothing to send', async () => {
    const { one, two, line, isHeard, pass } = createPair()
    for (const end of [one, two]) end.say('1')
    await pass(1)
    const told: string[] = []
    line.connect().subscribe(topicOf('two'), (message) => told.push(message))
    isHeard.two = false
    one.links.giveUp('two')
    await pass(5)
    expect(told).toEqual([])
  })
})
