import { fork } from 'node:child_process'
import { once } from 'node:events'
import { setTimeout as sleep } from 'node:timers/promises'
import { startChild, type Memory } from './child.ts'
import { wideOpen } from './limits.ts'
import { openWire, type Wire } from './wire.ts'

/** How a busy room fared with an audience that reads, and with one that does not. */
export interface SlowReport {
  /** Milliseconds from a message to its arrival, at those who read all along; round by round. */
  reading: number[][]
  deaf: number[][]
  /** Before the audience came, and the most that was seen while it was there and deaf. */
  memory: { before: Memory; most: Memory }
  /** The longest stalls of the server's event loop, in milliseconds, round by round. */
  stalls: { reading: number[]; deaf: number[] }
  /** How many were cut with 4002. */
  cut: number
  faults: string[]
}

const readers = 10
const text = 'x'.repeat(4_000)

/** A room in which somebody talks without end, by turns to an audience that reads and to as many who do not. */
export async function slowReaders(options: {
  audience: number
  rounds: number
  seconds: number
  perSecond: number
}): Promise<SlowReport> {
  const { audience, rounds, seconds, perSecond } = options
  const server = await startChild({ ...wideOpen, resume_window_s: 1 })
  const report = { reading: [] as number[][], deaf: [] as number[][], cut: 0, faults: [] as string[] }
  const fault = (what: string) => void report.faults.push(what)
  try {
    const [ann, guest] = [await server.account('ann'), await server.account('guest')]
    const { room_id } = await server.call<{ room_id: string }>('POST', '/rooms', { name: 'Busy' }, ann.access_token)
    await server.call('PUT', `/rooms/${room_id}/members/${guest.user_id}`, { role: 'member' }, ann.access_token)
    const enter = async (): Promise<Wire> => {
      const wire = await openWire(server.url, fault)
      await wire.ask('system.hello', 'server', { token: ann.access_token })
      await wire.ask('room.join', room_id, {})
      void wire.closed.then((code) => code === 1005 || fault(`somebody who reads was closed with ${code}`))
      return wire
    }
    const speaker = await enter()
    const all = await Promise.all(Array.from({ length: readers }, enter))

    /** Talks for a while and notes when each message arrives. */
    async function talk(into: number[]): Promise<void> {
      for (const wire of all) {
        wire.onFrame = ({ type, payload }) => {
          if (type === 'chat.message.created')
            into.push(performance.now() - Number(String(payload.text).split(' ', 1)[0]))
        }
      }
      const until = performance.now() + seconds * 1000
      for (let due = performance.now(); due < until; due += 1000 / perSecond) {
        await sleep(Math.max(0, due - performance.now()))
        speaker.send('chat.message.send', room_id, { text: `${performance.now()} ${text}` })
      }
      await speaker.ask('system.ping', 'server', {})
      await sleep(100)
    }

    await talk([])
    const before = await server.memory()
    let most = before
    const stalls = { reading: [] as number[], deaf: [] as number[] }
    for (let round = 0; round < rounds; round++) {
      for (const into of [report.reading, report.deaf]) {
        const isDeaf = into === report.deaf
        const args = [server.url, guest.username, room_id, String(audience), String(isDeaf)]
        const group = fork(new URL('audience.ts', import.meta.url), args, { execArgv: ['--conditions=@mesh/source'] })
        await once(group, 'message')
        // Stalls count from here on.
        await server.memory()
        const times: number[] = []
        await talk(times)
        into.push(times)
        const memory = await server.memory()
        stalls[isDeaf ? 'deaf' : 'reading'].push(memory.stall)
        if (isDeaf && memory.heap > most.heap) most = memory
        group.disconnect()
        await once(group, 'exit')
        // Until nothing of the audience is left, the window of resuming included.
        await sleep(2_500)
      }
    }
    report.cut = (await server.memory()).closes[4002] ?? 0
    for (const wire of [speaker, ...all]) await wire.close()
    report.faults.push(...server.faults)
    return { ...report, stalls, memory: { before, most } }
  } finally {
    await server.stop()
  }
}

/**
 * What a share of the times stay below, in the best of the rounds: a shared machine now and then stalls by itself, which
 * only ever adds.
 */
export function quantile(rounds: readonly number[][], share: number): number {
  return Math.min(...rounds.map((times) => quantileOf(times, share)))
}

function quantileOf(times: readonly number[], share: number): number {
  const sorted = times.toSorted((a, b) => a - b)
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? Number.NaN
}
