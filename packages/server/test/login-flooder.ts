import { request } from 'node:http'
import { parentPort, workerData } from 'node:worker_threads'

/** What the flood is told: where, how long, and how many requests a second. */
export interface Flood {
  port: number
  seconds: number
  perSecond: number
}

const { port, seconds, perSecond } = workerData as Flood
const statuses: Record<string, number> = {}
const count = (what: string) => (statuses[what] = (statuses[what] ?? 0) + 1)

/** One login with a wrong password, from an address and for an account of its own. */
function attempt(index: number): Promise<void> {
  const localAddress = `127.0.${1 + (Math.floor(index / 200) % 5)}.${1 + (index % 200)}`
  const headers = { 'content-type': 'application/json' }
  return new Promise((resolve) => {
    const call = request({ port, host: '127.0.0.1', localAddress, path: '/api/v1/auth/login', method: 'POST', headers })
    call.on('response', (response) => {
      count(String(response.statusCode))
      response.resume().on('end', resolve)
    })
    call.on('error', () => {
      count('failed')
      resolve()
    })
    call.end(JSON.stringify({ username: `user-${index % 1000}`, password: 'a wrong password' }))
  })
}

const pending: Promise<void>[] = []
const start = performance.now()
const timer = setInterval(() => {
  const elapsed = performance.now() - start
  const due = Math.min(Math.floor((elapsed / 1000) * perSecond), seconds * perSecond)
  while (pending.length < due) pending.push(attempt(pending.length))
  if (pending.length < seconds * perSecond) return
  clearInterval(timer)
  void Promise.all(pending).then(() => parentPort?.postMessage(statuses))
}, 10)
