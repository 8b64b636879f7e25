import { describe, expect, it } from 'vitest'
import { comeBack, createWorld, resumeOf, settle, unhurried } from './testing/kit.ts'
import type { Frame } from './testing/index.ts'

const isRefreshed = ({ type }: Frame) => type === 'system.token.refreshed'

/** Ann, whose access is about to end; whoever vouched for her answers once told to. */
async function aboutToEnd() {
  const { promise, resolve: answer } = Promise.withResolvers<void>()
  const world = await createWorld({
    limits: { ...unhurried, resume_window_s: 120 },
    async revalidate({ user_id, username }) {
      await promise
      return { user_id, username, expires_at: world.clock.now() + 3_600_000 }
    },
  })
  const a = await world.enter(world.ann)
  world.clock.advance(541_000)
  return { ...world, a, answer }
}

describe('access that its host vouches for again', () => {
  it('goes on, and its client is told till when', async () => {
    const { a, answer, clock } = await aboutToEnd()
    answer()
    expect((await a.next(isRefreshed)).payload).toEqual({ expires_at: '2026-01-01T01:09:01.000Z' })
    clock.advance(600_000)
    expect((await a.ask('system.token.refresh', 'server', { token: 'nonsense' })).code).toBe('AUTH_INVALID')
    expect(a.closed).toBeUndefined()
    expect(a.frames.some(({ type }) => type === 'system.token.expiring')).toBe(false)
  })

  it('is not told to a client that has come back with another token meanwhile', async () => {
    const w = await aboutToEnd()
    w.a.vanish()
    const again = await comeBack(w, w.ann, resumeOf(w.a))
    w.answer()
    await settle(again)
    expect(again.frames.filter(isRefreshed)).toEqual([])
  })
})
