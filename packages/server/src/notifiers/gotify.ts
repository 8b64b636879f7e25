import type { Notice, NoticeKind, Sent } from '@mesh/core'
import { laterBecause, post } from '../outbound.ts'
import type { NotifierFactory } from './tokens.ts'

export type { NotifierFactory, NotifyTokens } from './tokens.ts'

/** A Gotify server. */
export interface GotifyOptions {
  /** Where it is, e.g. `https://gotify.example.org`; an operator's word, never a user's. */
  url: string
}

/** How urgent each kind is, on Gotify's scale of 0 to 10: from 4 on a phone makes itself heard, from 8 on it insists. */
const priorities: Readonly<Record<NoticeKind, number>> = { chat: 4, call: 8, share: 2, terminal: 4, agent: 5 }

/**
 * Tells people through a Gotify server: each has an application there, whose token says whose message it is.
 * @throws Error with one sentence when the URL is none
 */
export function gotify({ url }: GotifyOptions): NotifierFactory {
  if (!/^https?:\/\//i.test(url) || !URL.canParse(url)) throw new Error('gotify.url must be an http or https URL.')
  const address = `${url.replace(/\/+$/, '')}/message`

  return ({ tokenOf }) => ({
    async send(notice) {
      const token = await tokenOf(notice.user_id)
      if (token === undefined) return { outcome: 'unaddressed' }
      return send(address, token, notice)
    },
  })
}

async function send(address: string, token: string, { kind, title, text }: Notice): Promise<Sent> {
  const message = {
    title,
    message: text,
    priority: priorities[kind],
    // A name with stars in it stays a name with stars.
    extras: { 'client::display': { contentType: 'text/plain' } },
  }
  // The token goes into a header: Gotify takes it in the address as well, where logs would keep it.
  const answer = await post(address, { 'x-gotify-key': token }, JSON.stringify(message), isMessage)
  if (typeof answer === 'string') return laterBecause(answer)
  const { status } = answer
  if (status === 200) return isMessage(answer.text) ? { outcome: 'sent' } : { outcome: 'later', reason: 'answer' }
  // The token is no good, or the message is not to its taste: that does not pass by itself.
  if (status === 400 || status === 401 || status === 403) return { outcome: 'refused', reason: `status ${status}` }
  return laterBecause(answer)
}

/** Whether an answer is the message as Gotify gives it back. Some proxy may have answered in its place. */
function isMessage(text: string): boolean {
  try {
    const value: unknown = JSON.parse(text)
    return typeof value === 'object' && value !== null && 'id' in value && Number.isSafeInteger(value.id)
  } catch {
    return false
  }
}
