import { decodeJwt } from 'jose'
import { createKeyringOf, type SessionClaims } from '../tokens/index.ts'
import { createKeyring, generateSigningKey } from '../tokens/keys.ts'
import type { TestClient } from './index.ts'
import { createWorld, grant, settle } from './kit.ts'
import type { TestMeshOptions } from './test-mesh.ts'

/** What the tests of P2P sessions share. Not published. */

/** A certificate's fingerprint, one for each letter. */
export const fingerprintOf = (letter = 'A') => `sha-256 ${Array(32).fill(`${letter}0`).join(':')}`

/** What an end says of itself, with whatever is to be wrong about it. */
export const p2pEnd = (extra: object = {}) => ({
  candidates: [{ host: '192.0.2.1', port: 4433, type: 'host' }],
  fingerprint: fingerprintOf(),
  ...extra,
})

/** Two members of a room, the first with a token for `purpose`; sessions between them, step by step. */
export async function createP2pWorld(options?: TestMeshOptions, purpose = 'share:file') {
  const world = await createWorld(options)
  const [a, b] = [await world.enter(world.ann), await world.enter(world.bob)]

  /** Sends a request and returns its id; what is asked for can be changed, and the token left out with null. */
  async function request(
    extra: { from?: TestClient; to?: string; id?: string; cap_token?: string | null } & Record<string, unknown> = {},
  ): Promise<string> {
    const { from = a, to = b.peer_id, id, cap_token, ...rest } = extra
    const wanted = String(rest.purpose ?? purpose)
    const token = cap_token === undefined ? await grant(from, world.room, [wanted]) : cap_token
    const payload = {
      ...p2pEnd(),
      room_id: world.room,
      purpose,
      ...(token === null ? {} : { cap_token: token }),
      ...rest,
    }
    const sent = from.send('p2p.session.request', to, payload, id === undefined ? {} : { id })
    await settle(from)
    return sent
  }

  /** A request that the other end has heard of. */
  async function ask(extra: Parameters<typeof request>[0] = {}, by: TestClient = b) {
    const id = await request(extra)
    const asked = await by.next('p2p.session.request')
    return { id, asked, session_id: String(asked.payload.session_id) }
  }

  const accept = (session_id: string, by = b, extra: object = {}) =>
    by.ask('p2p.session.accept', 'server', { session_id, ...p2pEnd({ fingerprint: fingerprintOf('B') }), ...extra })

  return {
    ...world,
    a,
    b,
    request,
    ask,
    accept,
    /** A session that both ends have agreed on. */
    async agree(extra: Parameters<typeof request>[0] = {}) {
      const { id, session_id } = await ask(extra)
      const accepted = await accept(session_id)
      if (accepted.type !== 'p2p.session.created') throw new Error(`not created but ${accepted.code}`)
      const created = await (extra.from ?? a).next('p2p.session.created')
      return { id, session_id, created, accepted, token: String(created.payload.session_token) }
    },
    /** A renewal with a fresh token, for less than the room allows where `limits` say so. */
    renew: async (session_id: string, by = a, limits: object = {}) =>
      by.ask('p2p.session.renew', 'server', { session_id, cap_token: await grant(by, world.room, [purpose], limits) }),
    close: (session_id: string, by = a, extra: object = {}) =>
      by.ask('p2p.session.closed', 'server', { session_id, reason: 'completed', ...extra }),
  }
}

export type P2pWorld = Awaited<ReturnType<typeof createP2pWorld>>

/** A ring whose session tokens are signed when the test says so, as long as `pace.isSlow`. */
export async function createSlowRing() {
  const ring = await createKeyring([await generateSigningKey()])
  const pace = { isSlow: true }
  const gates: { open: () => void; fail: () => void }[] = []
  const capabilityKeys = {
    ...createKeyringOf([]),
    verify: ring.verify,
    has: ring.has,
    sign: (typ: string, claims: object) =>
      typ === 'mesh-p2p+jwt' && pace.isSlow
        ? new Promise<string>((resolve, reject) =>
            gates.push({ open: () => resolve(ring.sign(typ, claims)), fail: () => reject(new Error('no key')) }),
          )
        : ring.sign(typ, claims),
  }
  return { gates, pace, capabilityKeys }
}

/** What a session token says, unverified. */
export const claimsOf = (token: unknown) => decodeJwt<SessionClaims>(String(token))

/** How a client heard that sessions are over, without what it asked for itself. */
export function closingsOf(client: TestClient): object[] {
  return client.frames.filter(({ type, reply_to }) => type === 'p2p.session.closed' && !reply_to).map((f) => f.payload)
}

/** The answer to a request, if it has come: its type, or code and reason. */
export function outcomeOf(client: TestClient, id: string): string | undefined {
  const answer = client.frames.find(({ reply_to }) => reply_to === id)
  if (!answer) return undefined
  return answer.code ? [answer.code, answer.payload.reason ?? answer.payload.required].join(' ').trim() : answer.type
}

/** A world in which a session is open, or asked for only. */
export async function standing(state: 'open' | 'asked', options?: TestMeshOptions) {
  const world = await createP2pWorld(options)
  const { id, session_id } = state === 'open' ? await world.agree() : await world.ask()
  return { ...world, id, session_id }
}
