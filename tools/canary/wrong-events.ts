import { randomUUID } from 'node:crypto'
import type { JsonSchema } from '../fuzz/json-schema.ts'
import { rtcId } from '../protocol-suite/sdp.ts'
import type { Wire } from '../protocol-suite/wire.ts'
import { sing, sungSdp } from './fields.ts'
import type { Scene } from './scene.ts'
import { connect, enter } from './socket.ts'
import { notJson, wrongOnes } from './wrong.ts'

/** A text, or bytes, as it goes over the wire. */
type Raw = string | Buffer

/** Sends one type of event wrong in every way there is, from a peer in the room, and again as a first frame. */
export async function driveEvent(type: string, payload: JsonSchema, scene: Scene): Promise<void> {
  const { secrets, people, room_id } = scene
  const sung = () => Object(sing(payload, secrets)) as Record<string, unknown>
  let wire: Wire | undefined
  for (const raw of wrongFrames()) {
    if (wire?.socket.readyState !== wire?.socket.OPEN) wire = undefined
    if (!wire) {
      wire = await enter(scene, people.ben)
      await wire.ask('room.join', room_id, {})
    }
    await say(wire, raw)
  }
  // Broken off in the middle of things.
  wire?.socket.terminate()
  for (const payload of [sung(), { ...sung(), [secrets.make('stray')]: 1 }]) {
    const first = await connect(scene)
    await say(first, frame(payload))
    first.socket.terminate()
  }

  function frame(payload: unknown, overrides: object = {}): string {
    const to = type === 'system.hello' || type.startsWith('terminal') ? 'server' : room_id
    const timestamp = new Date().toISOString()
    return JSON.stringify({ type, id: randomUUID(), timestamp, to, payload, ...overrides })
  }

  function wrongFrames(): Raw[] {
    const stray = () => secrets.make('stray')
    return [
      ...['server', room_id, `peer_${stray()}${stray()}`, `usr_${stray()}${stray()}`].map((to) =>
        frame(sung(), { to }),
      ),
      // In the room, and not a session description that fits; or one of nobody's.
      ...(type.startsWith('rtc.') ? [frame({ ...sung(), rtc_id: rtcId(), sdp: sungSdp(secrets, 'application') })] : []),
      ...wrongOnes(sung(), secrets).map((payload) => frame(payload)),
      ...['type', 'id', 'timestamp', 'to', 'from', 'reply_to', stray()].map((name) =>
        frame(sung(), { [name]: stray() }),
      ),
      ...['type', 'id', 'timestamp', 'to', 'from', 'reply_to'].map((name) =>
        frame(sung(), { [name]: { [stray()]: 1 } }),
      ),
      ...notJson(secrets),
      frame({ [stray()]: stray().repeat(6_000) }),
      Buffer.from(stray()),
    ]
  }
}

/** Openings that do not become connections, or not for long. */
export async function driveUpgrades(scene: Scene): Promise<void> {
  const { secrets } = scene
  const token = () => secrets.make('access token')
  const query = () => secrets.make('query string')
  for (const opening of [
    { path: `/ws?token=${token()}` },
    { path: `/ws?access_token=${token()}&jwt=${token()}` },
    { path: `/${query()}?q=${query()}` },
    { headers: { origin: `https://${secrets.make('header')}.example` } },
    { headers: { authorization: `Bearer ${token()}` } },
    { headers: { authorization: `Basic ${token()}` } },
    { protocols: [secrets.make('header')] },
    { headers: { 'sec-websocket-version': secrets.make('header') } },
  ]) {
    const wire = await connect(scene, opening).catch(() => undefined)
    if (!wire) continue
    await say(wire, JSON.stringify({ type: 'system.hello', payload: { token: token() } }))
    await say(wire, query())
    wire.socket.terminate()
  }
}

/** Sends it and waits until the server has had it: for an answer to what comes next, or the end. */
async function say(wire: Wire, raw: Raw): Promise<void> {
  wire.socket.send(raw)
  const ponged = new Promise<void>((resolve) => wire.socket.once('pong', () => resolve()))
  if (wire.socket.readyState === wire.socket.OPEN) wire.socket.ping()
  await Promise.race([ponged, wire.closed])
}
