import { randomInt } from 'node:crypto'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { createCuttingProxy, type CuttingProxy } from './cutting-proxy.ts'
import { createRig, open, type Account, type Frame, type Rig, type Wire } from './support.ts'

// A client in a busy room whose connection breaks off after a random byte, again and again: it comes back each time and
// has, in the end, every message once and in order. MESH_KILLS sets how often, MESH_SEED where.

const kills = Number(process.env.MESH_KILLS ?? 100)
const seed = Number(process.env.MESH_SEED ?? randomInt(2 ** 31))
const wide = { burst: 1_000_000, per_s: 1_000_000 }
const limits = {
  frames: wide,
  bytes: { burst: 1e9, per_s: 1e9 },
  classes: { chat: wide, presence: wide, other: wide },
  connections_per_user: 1_000,
}

let rig: Rig
let proxy: CuttingProxy
let ann: Account
let bob: Account

beforeAll(async () => {
  rig = await createRig({ limits })
  proxy = await createCuttingProxy(Number(new URL(rig.base).port))
  ;[ann, bob] = [await rig.account('ann'), await rig.account('bob')]
})

afterAll(async () => {
  await proxy.close()
  await rig.close()
})

interface Claim {
  session_id: string
  token: string
  received: number
}

it(
  `Nothing is lost, doubled or out of order in ${kills} kills, seed ${seed}`,
  { timeout: 60_000 + kills * 500 },
  async () => {
    let state = seed | 1
    const random = (n: number) => {
      state = Math.imul(state, 1_664_525) + 1_013_904_223
      return ((state >>> 8) % n) | 0
    }
    const { room_id } = await rig.mesh.rooms.create(ann.user_id, 'Busy')
    await rig.mesh.rooms.setMember('administrator', room_id, bob.user_id, 'member')
    const speakers = await Promise.all([enter(rig.base), enter(rig.base), enter(rig.base)])

    let isOver = false
    let sent = 0
    const speaking = speakers.map(async (wire, of) => {
      for (let i = 0; !isOver; i++) {
        sent++
        await wire.ask('chat.message.send', room_id, { text: `${of}/${i} ${'x'.repeat(random(300))}` })
      }
    })

    // What bob's client has taken in, over all its connections.
    const taken: Frame[] = []
    let claim: Claim | undefined
    let fresh = 0
    for (let i = 0; i < kills; i++) {
      proxy.cutAfter(random(20_000))
      const wire = await open(`ws://127.0.0.1:${proxy.port}/ws`).catch(() => undefined)
      if (!wire) continue
      const before = claim?.received ?? 0
      const answered = wire.ask('system.hello', 'server', {
        token: bob.access_token,
        ...(claim ? { resume: claim } : {}),
      })
      const welcome = await answered.catch(() => undefined)
      if (!welcome) {
        await wire.closed
        // The welcome got lost, and with it the token for the next time: what is left is a new session.
        claim = undefined
        continue
      }
      const { resumed, session_id, resume } = welcome.payload as { resumed: boolean; session_id: string; resume: Claim }
      if (claim && !resumed) expect.fail(`the session was not resumed after kill ${i}`)
      if (!resumed) {
        fresh++
        await wire.ask('room.join', room_id, {}).catch(() => undefined)
      }
      await wire.closed
      const frames = wire.frames.filter((frame) => frame !== welcome)
      taken.push(...frames)
      claim = { session_id, token: resume.token, received: (resumed ? before : 0) + frames.length }
    }
    isOver = true
    await Promise.all(speaking)

    // A new session begins with a snapshot that says up to where it knows; between two snapshots there is no gap.
    let seq: number | undefined
    let messages = 0
    for (const { type, payload } of taken) {
      if (type === 'room.joined') seq = Number(payload.seq)
      if (type !== 'chat.message.created') continue
      expect(payload.seq).toBe((seq ?? Number.NaN) + 1)
      seq = Number(payload.seq)
      messages++
    }
    // oxlint-disable-next-line no-console -- the figures are the point
    console.log(`${kills} kills, ${kills - fresh} resumed; ${sent} messages sent, ${messages} taken in`)
    expect(messages).toBeGreaterThan(kills)
    expect(kills - fresh).toBeGreaterThan(kills * 0.6)

    async function enter(base: string): Promise<Wire> {
      const wire = await open(`${base.replace('http', 'ws')}/ws`)
      await wire.hello(ann.access_token)
      await wire.ask('room.join', room_id, {})
      return wire
    }
  },
)
