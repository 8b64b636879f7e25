import { randomUUID } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Account } from './api.ts'
import type { Child } from './child.ts'
import { createRandom } from './random.ts'
import { createGrammar } from './grammar.ts'
import { createPool } from './pool.ts'
import { openWire, type Wire } from './wire.ts'

/** What a flood met: how much it got in before it was cut off, and with what. */
export interface Braked {
  flood: string
  sent: number
  refused: number
  code: number
}

const event = (type: string, to: string, payload: object) =>
  JSON.stringify({ type, id: randomUUID(), timestamp: new Date().toISOString(), to, payload })

/** Floods by somebody who is who they say, each over a connection of its own, against the default limits. */
export async function testBrakes(server: Child, account: Account, fault: (what: string) => void): Promise<Braked[]> {
  const grammar = createGrammar(createRandom(1))
  const aim = { pool: createPool(), foreign: ['x'], contexts: new Map() }
  function nonsense(): string {
    const { text } = grammar.next(aim)
    // A frame that is too large ends a connection by itself, before any brake is felt.
    return Buffer.byteLength(text) < 65_536 ? text : nonsense()
  }
  const floods: Record<string, () => string> = {
    'small sound frames': () => event('system.ping', 'server', {}),
    'large frames': () => event('chat.message.send', 'server', { text: 'x'.repeat(60_000) }),
    'requests for tokens': () => event('capability.request', 'server', { room_id: 'room_x', caps: ['call'] }),
    nonsense,
    'no JSON': () => '{',
  }
  const met: Braked[] = []
  // Coming back at once is what somebody does who was cut off.
  for (const [flood, next] of Object.entries(floods).flatMap((one) => [one, one, one, one])) {
    const wire = await openWire(server.url, fault)
    await wire.ask('system.hello', 'server', { token: account.access_token })
    met.push({ flood, ...(await pour(wire, next)) })
  }
  return met
}

async function pour(wire: Wire, next: () => string): Promise<Omit<Braked, 'flood'>> {
  let sent = 0
  let refused = 0
  wire.onFrame = ({ code }) => void (code === 'RATE_LIMITED' && refused++)
  while (wire.isOpen && sent < 100_000) {
    for (let i = 0; i < 20 && wire.isOpen; i++, sent++) wire.socket.send(next())
    await sleep(1)
  }
  await wire.close()
  return { sent, refused, code: await wire.closed }
}
