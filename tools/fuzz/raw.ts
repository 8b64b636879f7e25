import { randomUUID } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Account } from './api.ts'
import type { Child } from './child.ts'
import type { Random } from './random.ts'
import { attack, ping, type Attack } from './raw-attacks.ts'
import { openRawWire, type RawWire } from './raw-wire.ts'
import { wsFrame } from './ws-frame.ts'

const lanes = 6
const patienceMs = 10_000

/** Writes attacks to upgraded connections, some before and some after the hello, and looks at how each ends. */
export async function fuzzRaw(
  server: Child,
  account: Account,
  { count, random, fault }: { count: number; random: Random; fault: (what: string) => void },
): Promise<{ attacks: number; frames: number }> {
  const totals = { attacks: 0, frames: 0 }
  async function lane(random: Random): Promise<void> {
    let wire: RawWire | undefined
    while (totals.attacks < count) {
      const next = attack(random)
      totals.attacks++
      totals.frames += next.frames
      const report = (what: string) => fault(`${next.name}: ${what}`)
      // Only a connection that has said hello can answer.
      const isWelcome = next.ends === 'answered' || random.chance(0.5)
      if (!wire?.isOpen || !isWelcome) {
        wire?.hangUp()
        wire = await openRawWire(server.url, report)
        if (isWelcome && !(await welcome(wire, account))) {
          Object.assign(account, await server.login(account.username))
          continue
        }
      }
      await strike(wire, next, isWelcome, report)
      if (next.ends !== 'answered' || !isWelcome) wire.hangUp()
    }
    wire?.hangUp()
  }
  await Promise.all(Array.from({ length: lanes }, () => lane(random.fork())))
  return totals
}

async function welcome(wire: RawWire, { access_token }: Account): Promise<boolean> {
  const id = randomUUID()
  const timestamp = new Date().toISOString()
  wire.say({ type: 'system.hello', id, timestamp, to: 'server', payload: { token: access_token } })
  return (await wire.next(({ reply_to }) => reply_to === id))?.type === 'system.welcome'
}

async function strike(wire: RawWire, attack: Attack, isWelcome: boolean, fault: (what: string) => void): Promise<void> {
  wire.frames.length = 0
  for (const chunk of attack.chunks) wire.write(chunk)
  if (attack.ends === 'any') {
    // Behind it a sound frame, which may be taken for the rest of the wrong one.
    wire.write(wsFrame({ payload: ping() }))
    await Promise.race([wire.closed, sleep(2)])
  } else if (attack.ends === 'answered') {
    const answer = await Promise.race([wire.next(({ type }) => type === 'system.pong'), late()])
    if (!answer) fault(answer === null ? 'was not answered' : `closed with ${await wire.closed}`)
  } else {
    const code = await Promise.race([wire.closed, late()])
    // Before the hello, the first whole message is judged, whatever is behind it.
    // And a reset can overtake the close frame where the server hung up on input that it had not read.
    const codes = [...attack.ends, ...(isWelcome ? [] : [4102]), 1006]
    if (code === null) fault('the connection stayed open')
    else if (!codes.includes(code)) fault(`closed with ${code}, not ${codes.join(' or ')}`)
  }
}

const late = () => sleep(patienceMs, null, { ref: false })
