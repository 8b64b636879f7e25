import { httpStatusOf, type ErrorCode } from '@mesh/core'
import * as v from 'valibot'
import type { Child } from './child.ts'
import { exchange, type RawAnswer } from './http-raw.ts'
import { createPool } from './pool.ts'
import type { Random } from './random.ts'
import { createRestGrammar, operationsOf, type RestRequest } from './rest-grammar.ts'
import type { Tally } from './messages.ts'
import { restError } from './verdict.ts'

const lanes = 6

/**
 * Sends requests made by the server's own OpenAPI document, sound ones and wrong ones, byte by byte as they should not be.
 * Every answer has to be JSON with a code of the table under its status, and one to a sound request also one that the
 * document promises.
 */
export async function fuzzRest(
  server: Child,
  options: {
    count: number
    random: Random
    fault: (what: string) => void
    /** Ids of people who must not be changed or deleted. */
    untouchable: ReadonlySet<unknown>
    foreign: readonly string[]
  },
): Promise<{ sent: number; tally: Tally }> {
  const { count, random, fault, foreign } = options
  const operations = operationsOf(await server.call('GET', '/openapi.json'))
  const tally: Tally = new Map()
  let sent = 0

  const rex = await server.account(`rex${random.below(1e9)}`, true)
  const untouchable = new Set([...options.untouchable, rex.user_id])
  // Somebody whom requests may disable, rename and delete.
  for (let i = 0; i < 2; i++) await server.account(`prey${random.below(1e9)}`)

  async function lane(random: Random): Promise<void> {
    const grammar = createRestGrammar(random, operations)
    const pool = createPool(untouchable)
    for (let i = 0; i < 3; i++) pool.learn(await server.call('POST', '/rooms', { name: 'Mine' }, rex.access_token))
    while (sent++ < count) {
      const request = grammar.next(pool, rex.access_token, foreign)
      const report = (what: string) => fault(`${what}\n  to ${request.bytes.toString('latin1').slice(0, 600)}`)
      try {
        const answer = await exchange(server.url, request.bytes, request.isCut)
        if (answer) judge(answer, request, report)
        else if (!request.isCut) report('no answer')
        if (answer && request.sound) {
          note(tally, `${request.sound.method} ${request.sound.path}`, answer)
          if (answer.status < 300 && answer.body !== '') pool.learn(JSON.parse(answer.body))
        }
        if (answer?.status === 401 && request.sound?.path.endsWith('/me')) await server.refresh(rex)
      } catch (error) {
        report(error instanceof Error ? error.message : String(error))
      }
    }
  }
  await Promise.all(Array.from({ length: lanes }, () => lane(random.fork())))
  return { sent: count, tally }
}

function judge(answer: RawAnswer, { sound, isHead }: RestRequest, fault: (what: string) => void): void {
  const { status, body } = answer
  if (sound && !sound.responses[status])
    fault(`a status ${status} that the document does not know: ${body.slice(0, 300)}`)
  if (isHead || body === '') {
    if (!isHead && status >= 400) fault(`a status ${status} without a word`)
    return
  }
  if (status < 400) return void JSON.parse(body)
  const { code } = v.parse(restError, JSON.parse(body))
  if (httpStatusOf(code) !== status) fault(`${code} under the status ${status}`)
}

function note(tally: Tally, route: string, { status, body }: RawAnswer): void {
  // What was judged to be an error before.
  const outcome = status < 400 ? String(status) : (JSON.parse(body) as { code: ErrorCode }).code
  const outcomes = tally.get(route) ?? new Map<string, number>()
  tally.set(route, outcomes.set(outcome, (outcomes.get(outcome) ?? 0) + 1))
}
