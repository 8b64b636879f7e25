import { describe, expect, it, vi } from 'vitest'
import { backoff } from './backoff.ts'
import { closeError, isFinal } from './close-error.ts'
import { deferred } from './deferred.ts'
import { createEmitter } from './emitter.ts'
import { socketUrl } from './url.ts'
import { newRtcId } from './webrtc/id.ts'
import { pathOf } from './webrtc/path.ts'
import { MeshError } from '@mesh/core/errors'

describe('backoff', () => {
  it('grows from 300 ms to 10 s, with full jitter', () => {
    expect([0, 1, 2, 5, 6, 2000].map((attempt) => backoff(attempt, () => 1))).toEqual([
      300, 600, 1200, 9600, 10_000, 10_000,
    ])
    expect(backoff(9, () => 0)).toBe(0)
  })
})

describe('socketUrl', () => {
  it('takes what a WebSocket can have', () => {
    expect(socketUrl('https://mesh.test/ws?x=1#top')).toBe('wss://mesh.test/ws?x=1')
    expect(socketUrl(new URL('http://localhost:7330'))).toBe('ws://localhost:7330/')
    expect(socketUrl('wss://mesh.test/ws')).toBe('wss://mesh.test/ws')
    vi.stubGlobal('document', { baseURI: 'https://mesh.test/app/' })
    expect(socketUrl('../ws')).toBe('wss://mesh.test/ws')
    vi.unstubAllGlobals()
    for (const wrong of ['/ws', 'file:///ws', 'mailto:x']) expect(() => socketUrl(wrong)).toThrow(TypeError)
  })
})

describe('closeError', () => {
  it('says whether coming back may help', () => {
    expect([1006, 1012, 1013, 4001, 4006].map((code) => isFinal(closeError(code, '')))).toEqual(Array(5).fill(false))
    expect([1003, 1009, 4100, 4101, 4102, 4103, 4999].map((code) => isFinal(closeError(code, '')))).toEqual(
      Array(7).fill(true),
    )
    const explained = new MeshError('AUTH_REQUIRED', 'Who?', { reason: 'none' })
    expect(closeError(4100, 'auth_invalid', explained)).toMatchObject({
      code: 'AUTH_REQUIRED',
      message: 'Who?',
      details: { reason: 'none', retryable: false },
    })
  })
})

describe('deferred', () => {
  it('takes its timer and listener with it', async () => {
    vi.useFakeTimers()
    const { signal } = new AbortController()
    const removed = vi.spyOn(signal, 'removeEventListener')
    const { promise, resolve } = deferred<number>('x', { timeoutMs: 1000, signal })
    resolve(1)
    expect(await promise).toBe(1)
    expect(vi.getTimerCount()).toBe(0)
    expect(removed).toHaveBeenCalledOnce()
    vi.useRealTimers()
  })
})

describe('emitter', () => {
  it('calls each registration once, and none that has been taken off', () => {
    const heard: number[] = []
    const faults: unknown[] = []
    const events = createEmitter<{ n: [number] }>((error) => faults.push(error))
    const listener = (n: number): void => void heard.push(n)
    const off = events.on('n', listener)
    events.on('n', listener)
    events.on('n', () => {
      throw new Error('mine')
    })
    expect(events.emit('n', 1)).toBe(true)
    off()
    off()
    events.emit('n', 2)
    expect(heard).toEqual([1, 1, 2])
    expect(faults).toHaveLength(2)
    expect(createEmitter<{ n: [] }>().emit('n')).toBe(false)
  })
})

it('makes signaling ids as the contract wants them', () => {
  const ids = Array.from({ length: 100 }, newRtcId)
  expect(new Set(ids).size).toBe(100)
  for (const id of ids) expect(id).toMatch(/^rtc_[A-Za-z0-9_-]{24}$/)
})

describe('pathOf', () => {
  const stats = (kind: string, more: object = {}) =>
    new Map<string, { type: string; [field: string]: unknown }>([
      ['t', { type: 'transport', selectedCandidatePairId: 'p' }],
      ['other', { type: 'candidate-pair', localCandidateId: 'r', remoteCandidateId: 'r' }],
      ['p', { type: 'candidate-pair', localCandidateId: 'l', remoteCandidateId: 'r', ...more }],
      ['l', { type: 'local-candidate', candidateType: 'host' }],
      ['r', { type: 'remote-candidate', candidateType: kind }],
    ])

  it('reads the selected pair', () => {
    expect(pathOf(stats('srflx'))).toBe('direct')
    expect(pathOf(stats('relay'))).toBe('relayed')
    const firefox = stats('relay', { selected: true })
    firefox.delete('t')
    expect(pathOf(firefox)).toBe('relayed')
    const none = stats('relay')
    none.delete('t')
    expect(pathOf(none)).toBeUndefined()
  })
})
