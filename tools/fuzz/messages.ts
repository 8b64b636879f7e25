import type { Account } from './api.ts'
import type { Child } from './child.ts'
import { areaOf, createGrammar, type Aim, type Message } from './grammar.ts'
import { createPool } from './pool.ts'
import type { Random } from './random.ts'
import type { ServerFrame } from './verdict.ts'
import { openWire, type Wire } from './wire.ts'

/** Where the clients that send nonsense live. */
export interface Scene {
  server: Child
  /** A room that all of them are members of. */
  room_id: string
  accounts: Account[]
  /** Ids and tokens of people and rooms that are none of their business. */
  foreign: readonly string[]
}

/** How often each event was sent, and how often it came back as what. */
export type Tally = Map<string, Map<string, number>>

const perBatch = 40

/**
 * Sends messages by the grammar, sound ones and wrong ones, over one connection per account at a time. Every answer is
 * held to the table, and a sound request is to be answered exactly once.
 */
export async function fuzzMessages(
  scene: Scene,
  { count, random, fault }: { count: number; random: Random; fault: (what: string) => void },
): Promise<{ sent: number; tally: Tally }> {
  const tally: Tally = new Map()
  const share = Math.ceil(count / scene.accounts.length)
  const sent = await Promise.all(
    scene.accounts.map((account) => lane(scene, account, share, random.fork(), tally, fault)),
  )
  return { sent: sent.reduce((sum, one) => sum + one, 0), tally }
}

async function lane(
  scene: Scene,
  account: Account,
  count: number,
  random: Random,
  tally: Tally,
  report: (what: string) => void,
): Promise<number> {
  const grammar = createGrammar(random)
  let batch: Message[] = []
  const fault = (what: string) => report(`${what}\n  after ${batch.map(({ text }) => text.slice(0, 300)).join('\n  ')}`)
  let sent = 0
  let resume: (() => object) | undefined
  // How many frames have come since the session began.
  let received = 0
  while (sent < count) {
    const wire = await openWire(scene.server.url, fault)
    const pool = createPool()
    pool.learn({ room_id: scene.room_id, token: account.access_token, user_id: account.user_id })
    const aim: Aim = { pool, foreign: scene.foreign, contexts: new Map() }
    const answers = new Map<string, string[]>()
    wire.onFrame = (frame) => {
      if (frame.type !== 'system.welcome') received++
      take(frame, aim)
      const { reply_to } = frame
      if (reply_to !== undefined) answers.set(reply_to, [...(answers.get(reply_to) ?? []), frame.code ?? frame.type])
    }
    if (random.chance(0.25)) {
      batch = [grammar.hello(account.access_token)]
      sent += 1
      wire.socket.send(batch[0]?.text ?? '')
    } else {
      const welcome = await hello(wire, account, random.chance(0.7) ? resume : undefined)
      if (!welcome) Object.assign(account, await scene.server.login(account.username))
      else {
        if (!welcome.payload.resumed) received = 0
        // The token is good once; a wrong number of frames is to be found out.
        const claim = welcome.payload as { session_id: string; resume: { token: string } }
        resume = () => ({
          session_id: claim.session_id,
          token: claim.resume.token,
          received: random.chance(0.8) ? received : random.below(3_000),
        })
      }
    }
    for (let i = 0; i < 25 && wire.isOpen && sent < count; i++) {
      await settleIn(wire, scene)
      answers.clear()
      batch = Array.from({ length: Math.min(perBatch, count - sent) }, () => grammar.next(aim))
      for (const { text } of batch) if (wire.isOpen) wire.socket.send(text)
      sent += batch.length
      // Frames of one connection are handled in order: behind this pong, everything has been answered.
      const isComplete = (await wire.ask('system.ping', 'server', {})) !== undefined
      for (const message of batch) tallyUp(message, answers, tally, isComplete, fault)
    }
    if (random.chance(0.5)) wire.socket.terminate()
    await wire.close()
  }
  return sent
}

function take(frame: ServerFrame, { pool, contexts }: Aim): void {
  const { type, from, to, payload } = frame
  pool.learn(payload)
  if (from.startsWith('peer_')) pool.learn({ peer_id: from })
  if (to.startsWith('room_')) pool.learn({ room_id: to })
  if (type !== 'error') contexts.set(areaOf(type), { from, payload })
}

async function hello(wire: Wire, { access_token }: Account, resume?: () => object): Promise<ServerFrame | undefined> {
  const payload = { token: access_token, ...(resume ? { resume: resume() } : {}) }
  const answer = await wire.ask('system.hello', 'server', payload)
  return answer?.type === 'system.welcome' ? answer : undefined
}

/** Enters the room, and has a token for a call. */
async function settleIn(wire: Wire, { room_id }: Scene): Promise<void> {
  await wire.ask('room.join', room_id, {})
  await wire.ask('capability.request', 'server', { room_id, caps: ['call', 'screen', 'share:file', 'terminal:view'] })
}

function tallyUp(
  { type, sound }: Message,
  answers: Map<string, string[]>,
  tally: Tally,
  isComplete: boolean,
  fault: (what: string) => void,
): void {
  if (!sound) return
  const got = answers.get(sound.id) ?? []
  if (isComplete && (got.length > 1 || (sound.isAnswered && got.length === 0))) {
    fault(`${type} was answered ${got.length} times: ${got.join(', ')}`)
  }
  const outcomes = tally.get(type) ?? new Map<string, number>()
  const outcome = got[0] ?? (isComplete ? 'no error' : 'closed before')
  tally.set(type, outcomes.set(outcome, (outcomes.get(outcome) ?? 0) + 1))
}
