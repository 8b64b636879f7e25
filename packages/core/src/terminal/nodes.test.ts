import { describe, expect, it } from 'vitest'
import type { AuthorizeQuestion } from '../authorize.ts'
import { grant } from '../testing/kit.ts'
import { share } from '../testing/terminal-kit.ts'
import type { TestMeshOptions } from '../testing/test-mesh.ts'
import { createTwoNodes, quiet } from '../testing/two-nodes.ts'

const device_id = `dev_${'d'.repeat(22)}`
const cap = 'terminal:control'

/** How the nodes may lie: where the terminal is shared, where the peer in control is, and who changes the room. */
const places = (['one', 'other'] as const).flatMap((host) =>
  (['one', 'other'] as const).flatMap((holder) => (['one', 'other'] as const).map((by) => ({ host, holder, by }))),
)
type Place = (typeof places)[number]

type Who = 'ann' | 'bob'

/** Bob is in control of a terminal on a device of his own or of ann's, who owns the room. */
async function stage({ host: at, holder: from, by }: Place, whose: Who, options: TestMeshOptions = {}) {
  const w = await createTwoNodes(options)
  const enter = { one: w.enter, other: w.enterOther }
  const { rooms } = (by === 'one' ? w : w.other).mesh
  const setPolicy = async (policy: object) => {
    await rooms.update('administrator', w.room, { policy })
    await quiet()
  }
  const host = await enter[at](w[whose], { device_id })
  const holder = await enter[from](w.bob)
  await quiet()
  const terminal_id = await share(host, w.room)
  await quiet()
  const use = async (type: 'take' | 'renew', target: object, extra: object = {}) => {
    const cap_token = await grant(holder, w.room, [cap], target)
    const { type: answer, code } = await holder.ask(`terminal.control.${type}`, 'server', {
      terminal_id,
      cap_token,
      ...extra,
    })
    await quiet()
    return code ?? answer
  }
  return { ...w, rooms, setPolicy, host, holder, terminal_id, use }
}

type Stage = Awaited<ReturnType<typeof stage>>

/** Why control ended that began with fence 1, as both ends heard it; nothing where it goes on. */
function ended({ host, holder }: Stage): unknown {
  const [ofHost, ofHolder] = [host, holder].map(({ frames }) =>
    frames.flatMap(({ type, payload }) => (type === 'terminal.control.released' ? [payload.reason] : [])),
  )
  expect(ofHolder).toEqual(ofHost)
  return ofHost?.[0]
}

describe.each(places)('the host on node $host, the holder on node $holder, changed through node $by', (place) => {
  it.each([
    ['its peer', [], (s: Stage) => ({ target_peer_id: s.host.peer_id })],
    ['its id', [], () => ({ target_device_id: device_id })],
    ['its peer, which the policy allows besides', [cap], (s: Stage) => ({ target_peer_id: s.host.peer_id })],
  ])('control of an own device, by %s, outlives every policy', async (_kind, caps, targetOf) => {
    const s = await stage(place, 'bob')
    await s.setPolicy({ caps: { member: caps } })
    expect(await s.use('take', targetOf(s))).toBe('terminal.control.granted')
    await s.setPolicy({ caps: { member: caps }, max_size: 2 ** 40 })
    await s.setPolicy({ caps: { member: [] } })
    expect(ended(s)).toBeUndefined()
    expect(await s.use('renew', targetOf(s), { fence: 1 })).toBe('terminal.control.granted')
  })

  it('control that the policy allows ends with that, and not before', async () => {
    const s = await stage(place, 'ann')
    await s.setPolicy({ caps: { member: [cap] } })
    const target = { target_peer_id: s.host.peer_id }
    expect(await s.use('take', target)).toBe('terminal.control.granted')
    await s.setPolicy({ caps: { member: [cap] }, max_size: 2 ** 40 })
    expect(await s.use('renew', target, { fence: 1 })).toBe('terminal.control.granted')
    expect(ended(s)).toBeUndefined()
    await s.setPolicy({ caps: { member: [] } })
    expect(ended(s)).toBe('revoked')
  })

  it('control that the host application allows goes on until that is asked again', async () => {
    let isAllowed = true
    const authorize = ({ resource, defaultDecision }: AuthorizeQuestion) =>
      resource.cap === cap ? isAllowed : defaultDecision
    const s = await stage(place, 'ann', { authorize })
    const target = { target_peer_id: s.host.peer_id }
    expect(await s.use('take', target)).toBe('terminal.control.granted')
    await s.setPolicy({ max_size: 2 ** 40 })
    expect(ended(s)).toBeUndefined()
    expect(await s.use('renew', target, { fence: 1 })).toBe('terminal.control.granted')
    isAllowed = false
    await expect(s.use('renew', target, { fence: 1 })).rejects.toThrow('ACCESS_DENIED')
  })

  it('control of an own device ends with a demotion', async () => {
    const s = await stage(place, 'bob')
    expect(await s.use('take', { target_peer_id: s.host.peer_id })).toBe('terminal.control.granted')
    await s.rooms.setMember('administrator', s.room, s.bob, 'owner')
    await quiet()
    expect(ended(s)).toBeUndefined()
    await s.rooms.setMember('administrator', s.room, s.bob, 'member')
    await quiet()
    expect(ended(s)).toBe('revoked')
  })
})

describe.each(places.filter(({ host, holder }) => host !== holder))(
  'the host on node $host, the holder on node $holder, and only node $by hears',
  (place) => {
    it.each([
      ['that the policy is against it', (s: Stage) => s.setPolicy({ caps: { member: [] } })],
      ['of a demotion', (s: Stage) => s.rooms.setMember('administrator', s.room, s.bob, 'guest')],
    ])('%s: that is enough', async (_what, happens) => {
      const s = await stage(place, 'ann')
      await s.setPolicy({ caps: { member: [cap] } })
      expect(await s.use('take', { target_peer_id: s.host.peer_id })).toBe('terminal.control.granted')
      s.line.cut(true)
      await happens(s)
      await quiet()
      expect((await s.storage.terminals.find(s.terminal_id))?.lease).toBeNull()
    })
  },
)
