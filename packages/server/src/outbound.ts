import { request as requestHttp, type IncomingMessage } from 'node:http'
import { request as requestHttps } from 'node:https'
import type { Later } from '@mesh/core'

/** What a service answered. */
export interface Answer {
  status: number
  /** What was read of a success, at most its first 4 KiB. */
  text: string
  /** For how long it asks us to wait (`Retry-After`), in milliseconds. */
  retry_after_ms: number | undefined
}

/** Why there was no answer, in a word: what the service or the network says is not ours to repeat. */
export type NoAnswer = 'connect' | 'timeout' | 'network'

/** How long a service may take, in milliseconds. */
const patience = { connectMs: 3_000, totalMs: 5_000 } as const
/** How much of an answer is read, in bytes. */
const mostBytes = 4_096

/**
 * Posts JSON to a service of the operator's and resolves within 5 s. It follows no redirect, takes no connection twice, and
 * never throws. A status says all, unless `isEnough` wants to see the text of a success: then it is read until that is content.
 */
export function post(
  url: string,
  headers: Readonly<Record<string, string>>,
  body: string,
  isEnough: (text: string) => boolean = () => true,
): Promise<Answer | NoAnswer> {
  return new Promise((resolve) => {
    const send = new URL(url).protocol === 'https:' ? requestHttps : requestHttp
    const length = Buffer.byteLength(body)
    const asking = send(url, {
      method: 'POST',
      agent: false,
      headers: { ...headers, 'content-type': 'application/json', 'content-length': length },
    })
    const settle = (result: Answer | NoAnswer) => {
      clearTimeout(connecting)
      clearTimeout(total)
      resolve(result)
      // What it still has to say is of no use.
      asking.destroy()
    }
    const connecting = setTimeout(() => settle('connect'), patience.connectMs)
    const total = setTimeout(() => settle('timeout'), patience.totalMs)
    asking.once('socket', (socket) => socket.once('connect', () => clearTimeout(connecting)))
    asking.on('response', (response) => read(response, isEnough, settle))
    asking.on('error', () => settle('network'))
    asking.end(body)
  })
}

function read(
  response: IncomingMessage,
  isEnough: (text: string) => boolean,
  settle: (answer: Answer | NoAnswer) => void,
): void {
  const { statusCode: status = 0, headers } = response
  const chunks: Buffer[] = []
  const text = () => Buffer.concat(chunks).subarray(0, mostBytes).toString('utf8')
  const done = () => settle({ status, text: text(), retry_after_ms: retryAfter(headers['retry-after']) })
  response.on('error', () => settle('network'))
  response.on('end', done)
  // Some services leave their answers open: nobody waits for the end of what says enough already.
  if (!isSuccess({ status }) || isEnough('')) return done()
  let size = 0
  response.on('data', (chunk: Buffer) => {
    chunks.push(chunk)
    size += chunk.length
    if (size >= mostBytes || isEnough(text())) done()
  })
}

/** Whether the service took it. */
export const isSuccess = ({ status }: Pick<Answer, 'status'>) => status >= 200 && status < 300

/** Seconds, or an instant (RFC 9110 §10.2.3). */
function retryAfter(header = ''): number | undefined {
  if (/^\d{1,6}$/.test(header)) return Number(header) * 1000
  const wait = header.endsWith(' GMT') ? Date.parse(header) - Date.now() : NaN
  return wait > 0 ? wait : undefined
}

/** An answer that is no success, as a reason to try again. */
export function laterBecause(answer: Answer | NoAnswer): Later {
  if (typeof answer === 'string') return { outcome: 'later', reason: answer }
  return { outcome: 'later', reason: `status ${answer.status}`, retry_after_ms: answer.retry_after_ms }
}
