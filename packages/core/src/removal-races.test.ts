import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { race, type Blow, type Race } from './testing/race-kit.ts'
import type { Frame } from './testing/index.ts'

// Removal, demotion, a stricter policy, deletion and logout, each in the middle of everything that a member can be doing,
// over a storage that answers late and out of order. fast-check prints the seed of a schedule that let something slip.

const numRuns = 200

const ofRoom = ({ to, payload }: Frame, room: string) => to === room || payload.room_id === room
const isBob = (frame: Frame, { bobs }: Race) => bobs.peer_ids.includes(frame.from)

/** The frames behind the first that fits, or none where none does. */
function behind(frames: readonly Frame[], fits: (frame: Frame) => boolean): Frame[] {
  const at = frames.findIndex(fits)
  return at === -1 ? [] : frames.slice(at + 1)
}

/** Where the others heard that bob is out: at once, and then once more in the order of what is stored. */
const isNotice =
  ({ bobs }: Race) =>
  ({ type, payload }: Frame) =>
    type === 'room.left' && bobs.peer_ids.includes(String(payload.peer_id)) && payload.reason !== 'left'
const isStoredNotice =
  ({ bobs }: Race) =>
  ({ type, payload }: Frame) =>
    type === 'room.member.removed' && payload.user_id === bobs.user_id

// What is stored before a removal is told before the removal's own event, and may be told after the news of it. A grant
// that was being stored when it came follows it in the log, together with its end: see `standing`.
const stored = new Set(['chat.message.created', 'terminal.control.granted'])

/** What of bob reached others after they heard that he is out. */
function slippedOut(race: Race): Frame[] {
  return race.others.flatMap(({ frames }) => [
    ...behind(frames, isNotice(race)).filter((frame) => isBob(frame, race) && !stored.has(frame.type)),
    ...behind(frames, isStoredNotice(race)).filter((frame) => isBob(frame, race) && frame.type.startsWith('chat.')),
  ])
}

/** What of the room reached bob after he heard that he is out, but for the answer to what he asked before. */
function slippedIn(race: Race): Frame[] {
  const { room } = race.w
  const isOut = ({ type, payload }: Frame) =>
    type === 'room.left' && race.bobs.peer_ids.includes(String(payload.peer_id)) && payload.reason !== 'disconnected'
  const strangers = new Set(race.others.map(({ peer_id }) => peer_id))
  return behind(race.bob, isOut).filter(
    (frame) => (ofRoom(frame, room) && frame.reply_to === undefined) || strangers.has(frame.from),
  )
}

/** The sessions that are still there for those who stayed. */
async function stillOpen({ sessions, others }: Race): Promise<unknown[]> {
  const answers = await Promise.all(
    sessions.map(({ type, to, payload }) => {
      const id = others[0]?.send(type, to, payload)
      // What never is answered but by an error is followed by something that is.
      const behind = others[0]?.ask('system.ping', 'server', {})
      return behind?.then(() => others[0]?.frames.find((frame) => frame.reply_to === id))
    }),
  )
  return answers.filter((answer) => answer?.code === undefined)
}

async function logOf({ w }: Race): Promise<{ seq: number; type: string; payload: Record<string, unknown> }[]> {
  return w.storage.events.list(w.room, { after: 0, limit: 1000 })
}

const turn = () => new Promise<void>((resolve) => setImmediate(resolve))

async function races(blow: Blow, check: (race: Race) => Promise<void>): Promise<void> {
  await fc.assert(
    fc.asyncProperty(fc.integer(), async (seed) => check(await race(seed, blow, turn))),
    { numRuns },
  )
}

describe('in the middle of everything', { timeout: 120_000 }, () => {
  it('a removal lets nothing slip', () =>
    races('remove', async (race) => {
      expect(slippedIn(race)).toEqual([])
      expect(slippedOut(race)).toEqual([])
      expect(await stillOpen(race)).toEqual([])
      const log = await logOf(race)
      const removal = log.find(({ type }) => type === 'room.member.removed')?.seq ?? 0
      expect(removal).toBeGreaterThan(0)
      const said = log.filter(({ type, payload }) => type === 'chat.message.created' && payload.user_id === race.w.bob)
      expect(said.filter(({ seq }) => seq > removal)).toEqual([])
      expect(standing(race)).toEqual([])
      expect(await controllerOf(race)).toBeUndefined()
    }))

  it('a deletion lets nothing slip', () =>
    races('delete', async (race) => {
      expect(slippedIn(race)).toEqual([])
      expect(slippedOut(race)).toEqual([])
      expect(await stillOpen(race)).toEqual([])
      expect(race.w.mesh.peers.get(race.bobs.peer_ids.at(-1) ?? '')?.rooms.size ?? 0).toBe(0)
    }))

  it('a logout lets nothing slip', () =>
    races('logout', async (race) => {
      // The login is over, not the account: who comes back with a new one is somebody else to everybody.
      const gone = { ...race, bobs: { ...race.bobs, peer_ids: race.bobs.peer_ids.slice(0, 1) } }
      expect(slippedOut(gone)).toEqual([])
      expect(standing(race)).toEqual([])
      const open = await stillOpen({ ...race, sessions: race.sessions.filter(({ to }) => to !== race.w.bob) })
      expect(open).toEqual([])
    }))

  it('a demotion ends what the role does not allow', () =>
    races('demote', async (race) => {
      const isDemoted = ({ type, payload }: Frame) =>
        type === 'room.member.updated' && payload.user_id === race.w.bob && payload.role === 'guest'
      for (const other of race.others) {
        const later = behind(other.frames, isDemoted).filter((frame) => isBob(frame, race))
        expect(later.filter(({ type }) => type.startsWith('p2p.'))).toEqual([])
      }
      expect(standing(race)).toEqual([])
      expect(await controllerOf(race)).toBeUndefined()
    }))

  it('a stricter policy ends what it forbids', () =>
    races('policy', async (race) => {
      const isStricter = ({ type, payload }: Frame) => {
        const { caps } = (payload.policy ?? {}) as { caps?: { member?: string[] } }
        return type === 'room.updated' && caps?.member?.length === 0
      }
      for (const other of race.others) {
        const later = behind(other.frames, isStricter).filter((frame) => isBob(frame, race))
        expect(later.filter(({ type }) => ['rtc.offer', 'p2p.session.request'].includes(type))).toEqual([])
      }
      expect(standing(race)).toEqual([])
      expect(await controllerOf(race)).toBeUndefined()
    }))
})

/**
 * The fences under which others believe that bob has control: neither its end nor a later grant has ended it. Time
 * stands still, so no lease runs out.
 */
function standing({ others, bobs }: Race): unknown[] {
  return others.flatMap(({ frames }) => {
    const latest = frames.findLast(({ type }) => type === 'terminal.control.granted')
    if (!latest || !bobs.peer_ids.includes(String(latest.payload.peer_id))) return []
    const { fence } = latest.payload
    const isEnded = frames.some(({ type, payload }) => type === 'terminal.control.released' && payload.fence === fence)
    return isEnded ? [] : [fence]
  })
}

/** Who of bob's peers is said to control the terminal to somebody who comes in now. */
async function controllerOf({ w, bobs, terminal_id }: Race): Promise<unknown> {
  const late = await w.enter(w.ann)
  const joined = late.frames.find(({ type }) => type === 'room.joined')
  const terminals = joined?.payload.terminals as { terminal_id: string; holder?: string }[]
  const peer = terminals.find((terminal) => terminal.terminal_id === terminal_id)?.holder
  return peer !== undefined && bobs.peer_ids.includes(peer) ? peer : undefined
}
