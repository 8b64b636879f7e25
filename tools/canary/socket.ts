import { once } from 'node:events'
import { WebSocket } from 'ws'
import { open, type Frame, type Wire } from '../protocol-suite/wire.ts'
import { harvest } from './harvest.ts'
import type { Person, Scene } from './scene.ts'

/** How a connection is opened. */
export interface Opening {
  /** What is put before the types of events in the names of places: `event`, or `bystander` for who only looks on. */
  as?: string
  path?: string
  protocols?: string[]
  headers?: Record<string, string>
}

/** Opens a connection on which everything that comes is noted. @throws Error when the upgrade is refused, which is noted as well */
export async function connect(scene: Scene, opening: Opening = {}): Promise<Wire> {
  const { secrets, places, url } = scene
  const { as = 'event', path = '/ws', protocols = ['mesh.v1'], headers = {} } = opening
  const sung = { cookie: `session=${secrets.make('cookie')}`, 'user-agent': secrets.make('header'), ...headers }
  const query = path.includes('?') ? '' : `?q=${secrets.make('query string')}`
  // A first one alone hears why the second would be refused.
  const probe = new WebSocket(url.replace('http', 'ws') + path + query, protocols, { headers: sung })
  probe.on('error', () => {})
  const [refusal] = (await Promise.race([
    once(probe, 'open').then(() => []),
    once(probe, 'unexpected-response').then(([, response]: unknown[]) => [response]),
  ])) as [(AsyncIterable<Buffer> & { headers: object })?]
  if (refusal) {
    const parts: Buffer[] = []
    for await (const part of refusal) parts.push(part)
    places.add('error upgrade', `${JSON.stringify(refusal.headers)}\n${Buffer.concat(parts).toString()}`)
    throw new Error('refused')
  }
  probe.terminate()
  const wire = await open(url.replace('http', 'ws') + path + query, { protocols, headers: sung })
  wire.socket.on('message', (data) => {
    const text = String(data)
    const frame = JSON.parse(text) as Frame
    places.add(frame.type === 'error' ? 'error event' : `${as} ${frame.type}`, text)
    if (frame.type !== 'error') harvest(frame.payload, frame.type, secrets)
  })
  wire.socket.on('close', (_code, reason) => places.add('close reason', String(reason)))
  return wire
}

/** Connects somebody. */
export async function enter(scene: Scene, { access_token: token }: Pick<Person, 'access_token'>, as = 'event') {
  const wire = await connect(scene, { as })
  await answered(wire, 'system.hello', 'server', { token })
  return wire
}

/** Asks, and insists on a good answer. @throws Error with the code of another */
export async function answered(wire: Wire, type: string, to: string, payload: object): Promise<Frame> {
  const answer = await wire.ask(type, to, payload)
  if (answer.type === 'error') throw new Error(`${type} was answered ${answer.code} ${JSON.stringify(answer.payload)}`)
  return answer
}
