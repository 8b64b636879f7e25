import { describe, expect, it } from 'vitest'
import { createMemoryStorage } from './memory/storage.ts'
import { grant, newRtcId, ring, sdpOf, settle } from './testing/kit.ts'
import { createP2pWorld } from './testing/p2p-kit.ts'

type World = Awaited<ReturnType<typeof createP2pWorld>>
const sharesOf = (w: World) => w.storage.events.list(w.room, { after: 0, limit: 100, type: 'share.completed' })

/** A WebRTC session that the called peer has answered. */
async function answered(w: World, purpose: string): Promise<string> {
  const rtc_id = await ring(w.a, w.room, w.b.peer_id, { purpose, rtc_id: newRtcId() })
  const media = purpose.startsWith('share') ? 'application' : 'audio'
  w.b.send('rtc.answer', w.a.peer_id, { rtc_id, sdp: sdpOf([media]) })
  await settle(w.b)
  return rtc_id
}

describe('a completed share', () => {
  it('between agents is written down in the room, once, and everybody hears of it', async () => {
    const w = await createP2pWorld()
    const guest = await w.enter(w.cleo)
    const { session_id } = await w.agree({ params: { name: 'a.zip', size: 7 } })
    await w.close(session_id, w.b, { bytes: 7 })
    const told = await guest.next('share.completed')
    const { seq, ...rest } = told.payload
    expect(rest).toEqual({ from_user_id: w.ann, to_user_id: w.bob, purpose: 'share:file', name: 'a.zip', bytes: 7 })
    await w.close(session_id, w.a)
    expect(await sharesOf(w)).toMatchObject([{ seq, payload: rest }])
  })

  it('over WebRTC as well', async () => {
    const w = await createP2pWorld()
    const rtc_id = await answered(w, 'share:folder')
    w.b.send('rtc.bye', w.a.peer_id, { rtc_id, reason: 'completed' })
    const { payload } = await w.a.next('share.completed')
    expect(payload).toMatchObject({ from_user_id: w.ann, to_user_id: w.bob, purpose: 'share:folder' })
    expect(Object.keys(payload)).not.toContain('name')
  })

  it('is none when it failed, was for something else, or nobody had agreed to it', async () => {
    const w = await createP2pWorld()
    const failed = await w.agree()
    await w.close(failed.session_id, w.a, { reason: 'failed' })
    const viewed = await w.agree({ purpose: 'terminal:view' })
    await w.close(viewed.session_id)
    const { session_id } = await w.ask()
    await w.close(session_id, w.b)
    const call = await answered(w, 'call')
    w.a.send('rtc.bye', w.b.peer_id, { rtc_id: call, reason: 'completed' })
    const ringing = await ring(w.a, w.room, w.b.peer_id, { purpose: 'share:file' })
    w.b.send('rtc.bye', w.a.peer_id, { rtc_id: ringing, reason: 'completed' })
    const hungUp = await answered(w, 'share:file')
    w.a.send('rtc.bye', w.b.peer_id, { rtc_id: hungUp, reason: 'hangup' })
    await settle(w.a, w.b)
    expect(await sharesOf(w)).toEqual([])
  })

  it('never keeps the end of a session waiting, whatever becomes of the record', async () => {
    const storage = createMemoryStorage()
    const warnings: unknown[] = []
    const logger = {
      debug() {},
      info() {},
      error() {},
      warn: (fields: object, text: string) => warnings.push(fields, text),
    }
    const w = await createP2pWorld({
      logger,
      storage: { ...storage, events: { ...storage.events, append: () => Promise.reject(new Error('disk full')) } },
    })
    const { session_id } = await w.agree({ cap_token: await grant(w.a, w.room, ['share:file']) })
    expect((await w.close(session_id)).type).toBe('p2p.session.closed')
    await settle(w.a)
    expect(warnings).toEqual([{ code: 'INTERNAL' }, 'a completed share was not recorded'])
  })
})
