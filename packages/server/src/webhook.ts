import { createHmac } from 'node:crypto'
import type { Webhook } from '@mesh/core'
import { viewOfEvent } from './http/views.ts'
import { isSuccess, laterBecause, post } from './outbound.ts'
import { secretRule, signingKeyOf } from './webhook-secret.ts'

/** A service of the host's that hears of every durable event. */
export interface WebhookOptions {
  /** Where events are posted; an http or https URL. */
  url: string
  /**
   * With which they are signed, at least 24 characters: random ones, or `whsec_` and at least 24 random bytes in base64, as
   * libraries take it. The service has to know it as well.
   */
  secret: string
  /** Tells it from other webhooks, over restarts and changes of its URL; `default` unless told. */
  name?: string | undefined
}

/** Makes the webhooks of an installation. @throws Error with one sentence when an option cannot be used; never with its value */
export function createWebhooks(all: readonly WebhookOptions[]): Webhook[] {
  const webhooks = all.map(createWebhook)
  // What waits is kept by name: of two with one name each would be told half.
  if (new Set(webhooks.map(({ name }) => name)).size < all.length) throw new Error('Each webhook needs its own name.')
  return webhooks
}

/**
 * A webhook that is signed as Standard Webhooks has it, so that a receiver can use a library: `webhook-signature` is `v1,` and
 * the HMAC-SHA256 of `<webhook-id>.<webhook-timestamp>.<body>`, in base64. Whatever answer is not 2xx means again later.
 */
function createWebhook({ url, secret, name = 'default' }: WebhookOptions): Webhook {
  if (!/^https?:\/\//i.test(url) || !URL.canParse(url)) throw new Error('A webhook must have an http or https URL.')
  const key = signingKeyOf(secret)
  if (!key) throw new Error(`The secret of a webhook must be ${secretRule}.`)
  if (!/^[\w-]{1,64}$/.test(name)) throw new Error('The name of a webhook is 1 to 64 letters, digits, _ and -.')

  return {
    name,
    async send(event) {
      const body = JSON.stringify(viewOfEvent(event))
      // Fresh with each attempt, so that a receiver may refuse what is old.
      const timestamp = String(Math.floor(Date.now() / 1000))
      const signature = createHmac('sha256', key).update(`${event.id}.${timestamp}.${body}`).digest('base64')
      const answer = await post(
        url,
        { 'webhook-id': event.id, 'webhook-timestamp': timestamp, 'webhook-signature': `v1,${signature}` },
        body,
      )
      if (typeof answer === 'object' && isSuccess(answer)) return { outcome: 'sent' }
      return laterBecause(answer)
    },
  }
}
