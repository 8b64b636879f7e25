import { MeshError } from '@mesh/core/errors'
import { describe, expect, it } from 'vitest'
import type { Mesh } from '../types.ts'
import { createSignals } from './signals.ts'

const tooFast = () => new MeshError('RATE_LIMITED', undefined, { retry_after_ms: 10 })
const turn = () => new Promise((resolve) => setTimeout(resolve))
const rtc_id = `rtc_${'x'.repeat(24)}`
const offer = (sdp: string) => ({ rtc_id, room_id: '', purpose: 'call', sdp })

/** Signals to a server that refuses as many as it is told to; time passes when `elapse` is called. */
function setUp(refusals: number) {
  const sent: string[] = []
  const failed: string[] = []
  const timers: (() => void)[] = []
  const state = { refusals, isAnswered: true, isOffering: true }
  // Of a mesh it takes the two ways of sending; what comes back comes in the order of what was sent.
  const mesh = {
    async send(type: string, payload: { sdp?: string }) {
      sent.push(payload.sdp ?? type)
      const isRefused = state.refusals-- > 0
      await turn()
      if (isRefused) throw tooFast()
    },
    request: turn,
  } as unknown as Mesh
  const signals = createSignals({
    mesh,
    to: () => '',
    isAnswered: () => state.isAnswered,
    isOffering: () => state.isOffering,
    later: (_ms, act) => void timers.push(act),
    refused: (type) => failed.push(type),
  })
  const elapse = async (): Promise<void> => {
    await turn()
    for (const act of timers.splice(0)) act()
    await turn()
  }
  return { signals, sent, failed, state, elapse }
}

describe('a signal that came too fast', () => {
  it('is sent again, an answer before any offer', async () => {
    const { signals, sent, elapse } = setUp(2)
    signals.post('rtc.answer', { rtc_id, sdp: 'answer' })
    await turn()
    const settled = signals.settled().then(() => sent.push('settled'))
    // Refused once more, it still is not there.
    await elapse()
    expect(sent).not.toContain('settled')
    await elapse()
    await settled
    expect(sent.filter((what) => what === 'answer')).toHaveLength(3)
    expect(sent.at(-1)).toBe('settled')
  })

  it('is not sent again where it is an offer that holds no longer', async () => {
    const replaced = setUp(1)
    replaced.signals.post('rtc.offer', offer('first'))
    replaced.signals.post('rtc.offer', offer('second'))
    await replaced.elapse()
    expect(replaced.sent).toEqual(['first', 'second'])
    const rolledBack = setUp(1)
    rolledBack.signals.post('rtc.offer', offer('first'))
    rolledBack.state.isOffering = false
    await rolledBack.elapse()
    expect(rolledBack.sent).toEqual(['first'])
    const inForce = setUp(1)
    inForce.signals.post('rtc.offer', offer('first'))
    await inForce.elapse()
    expect(inForce.sent).toEqual(['first', 'first'])
  })

  it('is refused for good before the call was answered', async () => {
    const { signals, sent, failed, state, elapse } = setUp(1)
    state.isAnswered = false
    signals.post('rtc.offer', offer('first'))
    await elapse()
    expect([sent, failed]).toEqual([['first'], ['rtc.offer']])
  })
})
