import { describe, expect, it } from 'vitest'
import type { LiveRoom, Outbound, Peer } from './context.ts'
import { eventFrame, outbound } from './deliver.ts'
import { WaitingFrames } from './waiting-frames.ts'

// What waits is told apart by identity alone.
const [here, there] = [{} as LiveRoom, {} as LiveRoom]
const [ann, bob] = [{} as Peer, {} as Peer]

function presence(text: string, from: Peer, room: LiveRoom): Outbound {
  return outbound(text, { kind: 'presence', from, room })
}
function event(text: string, room = here): Outbound {
  return eventFrame(text, room)
}
function texts(waiting: WaitingFrames): string[] {
  const found: string[] = []
  for (let next = waiting.shift(); next; next = waiting.shift()) found.push(next.frame.text)
  return found
}

describe('what waits', () => {
  it('keeps its order, and of a presence only the latest of each peer in each room', () => {
    const waiting = new WaitingFrames({ bytes: 0 })
    waiting.push(presence('ann 1', ann, here), 0)
    waiting.push(event('one'), 0)
    waiting.push(presence('bob 1', bob, here), 0)
    waiting.push(presence('ann there', ann, there), 0)
    waiting.push(presence('ann 2', ann, here), 0)
    expect(waiting.length).toBe(4)
    expect(texts(waiting)).toEqual(['one', 'bob 1', 'ann there', 'ann 2'])
  })

  it('is counted, together with what others hold, whichever way it goes', () => {
    const load = { bytes: 1_000 }
    const waiting = new WaitingFrames(load)
    waiting.push(presence('12345', ann, here), 0)
    waiting.push(presence('123', ann, here), 0)
    waiting.push(event('1'), 0)
    waiting.push(event('22', there), 0)
    expect([waiting.length, waiting.bytes, load.bytes]).toEqual([3, 6, 1_006])
    waiting.filter(({ frame }) => frame.room !== there)
    expect([waiting.length, waiting.bytes, load.bytes]).toEqual([2, 4, 1_004])
    // What was left out is not counted a second time when its successor comes.
    waiting.filter(({ frame }) => frame.kind !== 'presence')
    waiting.push(presence('1', ann, here), 0)
    expect([waiting.length, waiting.bytes, load.bytes]).toEqual([2, 2, 1_002])
    expect(texts(waiting)).toEqual(['1', '1'])
    expect([waiting.length, waiting.bytes, load.bytes]).toEqual([0, 0, 1_000])
  })

  it('keeps its order while somebody comes and goes thousands of times', () => {
    const waiting = new WaitingFrames({ bytes: 0 })
    waiting.push(event('first'), 0)
    for (let i = 0; i < 5_000; i++) waiting.push(presence(`ann ${i}`, ann, here), i)
    waiting.push(event('last'), 0)
    expect(texts(waiting)).toEqual(['first', 'ann 4999', 'last'])
  })
})
