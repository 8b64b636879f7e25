import type { Accepted, Later, Sent } from '../ports/index.ts'
import { ok, range, same } from './storage-contract-kit.ts'

/** How a service behaves: well, or in one of the ways in which services on the other side of a network do not. */
export type ServiceMode =
  | 'well'
  /** Takes its time. */
  | 'slow'
  | 'error'
  /** 429, for a second, in seconds or as an instant. */
  | 'busy'
  | 'busy until'
  | 'refuse'
  | 'redirect'
  /** A page of somebody else's, and no HTTP at all. */
  | 'garbage'
  | 'noise'
  /** Never answers, or never ends to. */
  | 'hang'
  | 'endless'
  | 'trickle'
  /** Takes what comes and answers whole, but for the end. */
  | 'unended'
  /** Cuts the connection, at once or after it has taken what came: its answer is lost. */
  | 'reset'
  | 'mute'

/** A service with what tells it something, as the notifier suite needs them. */
export interface ServiceUnderTest {
  /** Sends a text; what `send` of the port resolves with. */
  send(text: string): Promise<Sent>
  /** The texts that the service has taken, in order. */
  taken(): readonly string[]
  /** How many requests it has had, whatever came of them. */
  requests(): number
  /** How much it has written into an answer that has no end, in bytes. */
  poured(): number
  /** Has it behave so from now on. */
  behave(mode: ServiceMode): void
  /** Whether an answer that is none of this service's is told from one that is: a webhook has no answer of its own. */
  readonly knowsItsAnswers: boolean
  /** Whether the service can say that it will never take something. */
  readonly mayRefuse: boolean
}

/** One promise of the notifier port, as a test without a framework: `run` rejects when the promise is broken. */
export interface NotifierCase {
  readonly name: string
  /** Wants a service of its own. */
  run(service: ServiceUnderTest): Promise<void>
}

/** How long a send may take, in milliseconds. */
const boundMs = 10_000
/** How much of an answer that has no end may be written before it is cut, in bytes: what lies in the buffers on the way is much of it. */
const mostPoured = 8 * 1024 * 1024

const failing = (mode: ServiceMode, why: string, reason?: string): NotifierCase => ({
  name: `notifier: a service that ${why} is told later, by one request each time`,
  async run(service) {
    service.behave(mode)
    const sent = laterOf(await bounded(service.send('one')))
    if (reason !== undefined) same(sent.reason, reason, 'the reason')
    same([service.requests(), service.taken()], [1, []], 'requests, and what was taken')
    service.behave('well')
    same(await service.send('one'), { outcome: 'sent' }, 'once it is well')
    same(service.taken(), ['one'], 'what was taken then')
  },
})

/**
 * Every promise of the notifier port as a list of tests that need no framework; a webhook's `send` makes the same ones. Give
 * each `run` a service of its own and expect it to resolve; a broken promise rejects with a sentence that says which.
 */
export const notifierContract: readonly NotifierCase[] = [
  {
    name: 'notifier: what is sent arrives once, as it was, by one request',
    async run(service) {
      const texts = ['ana wrote in Lab.', '*stars* <b>"quotes"</b> \\ ä € \u{1F600}', 'x'.repeat(300)]
      for (const text of texts) same(await bounded(service.send(text)), { outcome: 'sent' }, 'outcome')
      same([service.taken(), service.requests()], [texts, texts.length], 'taken, and requests')
    },
  },
  {
    name: 'notifier: many at once arrive once each',
    async run(service) {
      const texts = range(1, 40).map((n) => `text ${n}`)
      const outcomes = await Promise.all(texts.map((text) => bounded(service.send(text))))
      ok(
        outcomes.every(({ outcome }) => outcome === 'sent'),
        'all are sent',
      )
      same([...service.taken()].sort(), [...texts].sort(), 'taken')
    },
  },
  {
    name: 'notifier: a service that is slow is waited for, and told once',
    async run(service) {
      service.behave('slow')
      same(await bounded(service.send('one')), { outcome: 'sent' }, 'outcome')
      same([service.taken(), service.requests()], [['one'], 1], 'taken, and requests')
    },
  },
  failing('error', 'fails', 'status 500'),
  failing('redirect', 'sends one elsewhere', 'status 302'),
  failing('hang', 'does not answer', 'timeout'),
  failing('noise', 'speaks no HTTP'),
  failing('reset', 'cuts the connection'),
  ...(['busy', 'busy until'] as const).map((mode): NotifierCase => ({
    name: `notifier: a service that is ${mode} is told later, and not before it has asked for it`,
    async run(service) {
      service.behave(mode)
      const { reason, retry_after_ms = 0 } = laterOf(await bounded(service.send('one')))
      same(reason, 'status 429', 'the reason')
      ok(retry_after_ms >= 1_000 && retry_after_ms <= 3_000, `asked for a wait of ${retry_after_ms} ms`)
      same(service.taken(), [], 'what was taken')
    },
  })),
  {
    name: 'notifier: an answer that is none of the service is no answer',
    async run(service) {
      service.behave('garbage')
      const { outcome } = await bounded(service.send('one'))
      same(outcome, service.knowsItsAnswers ? 'later' : 'sent', 'outcome')
      same(service.requests(), 1, 'requests')
    },
  },
  {
    name: 'notifier: an answer without an end is a success where its status says all',
    async run(service) {
      service.behave('trickle')
      const sent = await bounded(service.send('one'))
      const timeout = { outcome: 'later', reason: 'timeout' }
      same(sent, service.knowsItsAnswers ? timeout : { outcome: 'sent' }, 'outcome')
      same(service.requests(), 1, 'requests')
    },
  },
  {
    name: 'notifier: the end of an answer that is one already is not waited for, and what was sent is sent once',
    async run(service) {
      service.behave('unended')
      same(await bounded(service.send('one')), { outcome: 'sent' }, 'outcome')
      same([service.taken(), service.requests()], [['one'], 1], 'taken, and requests')
    },
  },
  {
    name: 'notifier: of an answer that is too big only the beginning is read',
    async run(service) {
      service.behave('endless')
      const { outcome } = await bounded(service.send('one'))
      same(outcome, service.knowsItsAnswers ? 'later' : 'sent', 'outcome')
      await new Promise<void>((resolve) => setTimeout(resolve, 300))
      const poured = service.poured()
      await new Promise<void>((resolve) => setTimeout(resolve, 300))
      same(service.poured(), poured, 'what is written afterwards')
      ok(poured < mostPoured, `${poured} bytes were written`)
    },
  },
  {
    name: 'notifier: what the service refuses for good is said to be, where it can',
    async run(service) {
      service.behave('refuse')
      const sent = await bounded(service.send('one'))
      same(sent, { outcome: service.mayRefuse ? 'refused' : 'later', reason: 'status 401' }, 'outcome')
    },
  },
  {
    name: 'notifier: what was taken by a service whose answer was lost is sent later, and may arrive twice',
    async run(service) {
      service.behave('mute')
      laterOf(await bounded(service.send('one')))
      service.behave('well')
      same(await service.send('one'), { outcome: 'sent' }, 'outcome')
      same(service.taken(), ['one', 'one'], 'taken')
    },
  },
]

function laterOf(sent: Sent | Accepted): Later {
  if (sent.outcome !== 'later') throw new Error(`not later but ${sent.outcome}`)
  ok(/^[a-z]+( \d{3})?$/.test(sent.reason), `a reason is a word or a status, not ${sent.reason}`)
  return sent
}

async function bounded<T>(sending: Promise<T>): Promise<T> {
  let timer: ReturnType<typeof setTimeout> | undefined
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`not resolved within ${boundMs} ms`)), boundMs)
  })
  try {
    return await Promise.race([sending, late])
  } finally {
    clearTimeout(timer)
  }
}
