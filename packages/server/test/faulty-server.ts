import { setTimeout as sleep } from 'node:timers/promises'
import type { Storage } from '@mesh/core'
import { expect } from 'vitest'
import { offerOf } from './nodes.ts'
import { prepare, startStandalone, type Standalone } from './standalone.ts'
import { open, sdp, type Wire } from './support.ts'

const often = { burst: 100_000, per_s: 100_000 }
const limits = JSON.stringify({
  frames: often,
  classes: { ice: often, chat: often, other: often, sdp: often, capability: often, terminal: often },
  candidates: 100_000,
})

/** The standalone server in a process of its own with two members of a room in a call, for a fault to happen to. */
export interface FaultyServer extends Standalone {
  readonly room: string
  readonly tokens: Readonly<Record<'ann' | 'bob', string>>
  readonly ann: Wire
  readonly bob: Wire
  /** The text of each message whose storing was acknowledged to Ann. */
  readonly acknowledged: string[]
  /** Ann says something: what it came to, and after how many milliseconds. */
  say(text: string): Promise<{ came: string; ms: number }>
  /** What is stored of messages, read over REST. */
  stored(): Promise<string[]>
  /** Signals of the call, one after the other while something happens: how many milliseconds each took. */
  signals(happens: Promise<unknown>): Promise<number[]>
  /** The status of `/readyz`, and what it says of the storage where reasons are told. */
  ready(): Promise<{ status: number; checks: Record<string, boolean> }>
  metric(series: string): Promise<number>
  /** Resolves when `/readyz` answers so. @returns after how many milliseconds */
  until(status: number, timeoutMs: number): Promise<number>
}

/** Where the server's things are: its data directory unless `place` moves them, and a storage elsewhere. */
interface Scene {
  place?: (dataDir: string) => Promise<string>
  storage?: Storage
  env?: Record<string, string>
}

/** @see FaultyServer */
export async function startFaultyServer({ place, storage, env }: Scene = {}): Promise<FaultyServer> {
  const { dataDir, room, tokens } = await prepare(async (mesh) => {
    const names = ['ann', 'bob'] as const
    const users = await Promise.all(names.map((name) => mesh.tokens.mint({ user: { id: name, name } })))
    const [ann, bob] = users.map(({ user_id, access_token }) => ({ user_id, access_token }))
    const { room_id } = await mesh.rooms.create(ann?.user_id ?? '', 'Faults')
    await mesh.rooms.setMember('administrator', room_id, bob?.user_id ?? '', 'member')
    await mesh.accounts.create({ username: 'cleo', password, admin: true })
    return { room: room_id, tokens: { ann: ann?.access_token ?? '', bob: bob?.access_token ?? '' } }
  }, storage)
  const server = await startStandalone(place ? await place(dataDir) : dataDir, {
    MESH_LIMITS: limits,
    MESH_DRAIN_S: '0',
    ...env,
  })
  const enter = async (token: string) => {
    const wire = await open(`${server.url.replace('http', 'ws')}/ws`)
    await wire.hello(token)
    expect((await wire.ask('room.join', room, {})).type).toBe('room.joined')
    return wire
  }
  const [ann, bob] = [await enter(tokens.ann), await enter(tokens.bob)]
  const offer = await offerOf(ann, room)
  const { rtc_id } = offer
  ann.send('rtc.offer', bob.peer_id, offer)
  await bob.next('rtc.offer')
  bob.send('rtc.answer', ann.peer_id, { rtc_id, sdp: sdp() })
  await ann.next('rtc.answer')
  const acknowledged: string[] = []

  async function ready() {
    const [brief, full] = await Promise.all([fetch(`${server.url}/readyz`), fetch(`${server.monitorUrl}/readyz`)])
    await brief.arrayBuffer()
    const { checks } = (await full.json()) as { checks: Record<string, boolean> }
    // Between the two questions it may have changed its mind; that they agree is for a state that lasts.
    return { status: brief.status, checks }
  }

  return {
    ...server,
    room,
    tokens,
    ann,
    bob,
    acknowledged,
    ready,

    async say(text) {
      const begun = performance.now()
      const { type, code } = await ann.ask('chat.message.send', room, { text })
      if (type === 'chat.message.created') acknowledged.push(text)
      return { came: code ?? type, ms: performance.now() - begun }
    },

    async signals(happens) {
      let isOver = false
      const over = () => void (isOver = true)
      happens.then(over, over)
      const took: number[] = []
      while (!isOver) {
        const begun = performance.now()
        // From Bob: what Ann sends after a message waits until that is stored.
        bob.send('rtc.ice', ann.peer_id, { rtc_id, candidate: null })
        await ann.next('rtc.ice')
        took.push(performance.now() - begun)
        await sleep(10)
      }
      return took
    },

    async stored() {
      const texts: string[] = []
      for (let after: number | undefined = 0; after !== undefined;) {
        const url: string = `${server.url}/api/v1/rooms/${room}/events?after=${after}&limit=1000`
        const response = await fetch(url, { headers: { authorization: `Bearer ${tokens.ann}` } })
        expect(response.status).toBe(200)
        const page = (await response.json()) as { data: { type: string; payload: { text: string } }[]; next?: number }
        for (const { type, payload } of page.data) if (type === 'chat.message.created') texts.push(payload.text)
        after = page.next
      }
      return texts
    },

    async metric(series) {
      const text = await (await fetch(`${server.monitorUrl}/metrics`)).text()
      const line = text.split('\n').find((one) => one.startsWith(`${series} `))
      return Number(line?.slice(series.length + 1))
    },

    async until(status, timeoutMs) {
      const begun = performance.now()
      while ((await ready()).status !== status) {
        if (performance.now() - begun > timeoutMs) throw new Error(`/readyz does not become ${status}`)
        await sleep(50)
      }
      return performance.now() - begun
    },
  }
}

/** Cleo, who has an account, may log in with it. */
export const password = 'correct horse battery staple'

/** Logs Cleo in: the status of that, after how many milliseconds, and her access token. */
export async function login(url: string): Promise<{ status: number; ms: number; token: string }> {
  const begun = performance.now()
  const response = await fetch(`${url}/api/v1/auth/login`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ username: 'cleo', password }),
  })
  const { access_token } = (await response.json()) as { access_token?: string }
  return { status: response.status, ms: performance.now() - begun, token: access_token ?? '' }
}
