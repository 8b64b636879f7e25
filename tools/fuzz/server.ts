// The standalone server as it is, in a process of its own, with an ear for faults: `child.ts` starts it and asks it things.
import { monitorEventLoopDelay } from 'node:perf_hooks'
import { readConfig, startServer } from '@mesh/server'
import { WebSocket } from 'ws'

/** What the process can be asked. */
export type Question = { ask: 'account'; username: string; password: string; admin: boolean } | { ask: 'memory' }

/** What it says by itself or when asked. */
export type Answer =
  | { tell: 'url'; url: string }
  | { tell: 'fault'; what: string }
  | { tell: 'account'; username: string }
  | { tell: 'memory'; rss: number; heap: number; peers: number; stall: number; closes: Record<number, number> }

const say = (answer: Answer) => process.send?.(answer)
const logger = {
  debug() {},
  info() {},
  warn() {},
  error: (fields: object, message: string) => say({ tell: 'fault', what: `${message} ${JSON.stringify(fields)}` }),
}

// Milliseconds for which a frame can have kept all others waiting.
const delay = monitorEventLoopDelay({ resolution: 5 })
delay.enable()
// What the server closes connections with: somebody who does not read never gets to see it.
const closes: Record<number, number> = {}
const close = WebSocket.prototype.close
WebSocket.prototype.close = function (...args) {
  const [code] = args
  if (code !== undefined) closes[code] = (closes[code] ?? 0) + 1
  Reflect.apply(close, this, args)
}

const { mesh, url } = await startServer(readConfig({ env: process.env, cwd: process.cwd() }), logger)

process.on('message', (question: Question) => {
  void answer(question).then(say, (error: unknown) => say({ tell: 'fault', what: String(error) }))
})
process.on('disconnect', () => process.exit(0))
say({ tell: 'url', url })

async function answer(question: Question): Promise<Answer> {
  if (question.ask === 'account') {
    const { username, password, admin } = question
    await mesh.accounts.create({ username, password, admin })
    return { tell: 'account', username }
  }
  const stall = delay.max / 1e6
  // What one collection frees of buffers and finalizers is the next one's to take.
  for (let i = 0; i < 4; i++) {
    globalThis.gc?.()
    await new Promise((resolve) => setTimeout(resolve, 50))
  }
  const { rss, heapUsed, external } = process.memoryUsage()
  delay.reset()
  return { tell: 'memory', rss, heap: heapUsed + external, peers: mesh.engine.peers.size, stall, closes }
}
