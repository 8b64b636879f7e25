import { createMemoryStorage, type RoomEvent } from '@mesh/core'
import { notifierContract, type ServiceUnderTest } from '@mesh/core/testing'
import { describe, expect, test } from 'vitest'
import { createGotifyServer } from '../../test/gotify-server.ts'
import { createUnrulyServer, type UnrulyServer } from '../../test/unruly-server.ts'
import { createWebhooks } from '../webhook.ts'
import { gotify } from './gotify.ts'
import { createNotifyTokens } from './tokens.ts'

const user_id = 'usr_ben'
const token = 'AbenSecretToken'

const under = (server: UnrulyServer, rest: Omit<ServiceUnderTest, 'requests' | 'poured' | 'behave'>) => ({
  ...rest,
  requests: () => server.requests,
  poured: () => server.poured,
  behave: (mode: UnrulyServer['mode']) => void (server.mode = mode),
})

// Side by side, since some wait for 5 s each.

/** Gotify, with Ben's token as it is when it has been unsealed. */
async function notifierOf(url: string) {
  const tokens = createNotifyTokens({
    targets: createMemoryStorage().notifyTargets,
    seal: { seal: async (text) => text, open: async (text) => text },
    now: Date.now,
  })
  await tokens.set(user_id, token)
  return gotify({ url })(tokens)
}

describe.concurrent('gotify', () => {
  for (const { name, run } of notifierContract) {
    test(name, { timeout: 40_000 }, async ({ onTestFinished }) => {
      const service = await createGotifyServer(token)
      onTestFinished(() => service.close())
      const notifier = await notifierOf(service.url)
      await run(
        under(service, {
          send: (text) => notifier.send({ user_id, kind: 'chat', title: 'A title', text }),
          taken: () => service.messages.map(({ message }) => message),
          knowsItsAnswers: true,
          mayRefuse: true,
        }),
      )
      expect(service.faults).toEqual([])
    })
  }

  test('whoever has no token is not told, and nobody is asked', async ({ onTestFinished }) => {
    const service = await createGotifyServer(token)
    onTestFinished(() => service.close())
    const notifier = await notifierOf(service.url)
    const notice = { user_id: 'usr_eve', kind: 'chat', title: 'A title', text: 'A text' } as const
    expect(await notifier.send(notice)).toEqual({ outcome: 'unaddressed' })
    expect(service.requests).toBe(0)
  })

  test('a message goes below the URL that is given, as plain text, with how urgent it is', async ({
    onTestFinished,
  }) => {
    const posted: unknown[] = []
    const service = await createUnrulyServer(({ url }, body) => {
      posted.push([url, JSON.parse(body)])
      return [200, { id: 1 }]
    })
    onTestFinished(() => service.close())
    const notifier = await notifierOf(`${service.url}/gotify/`)
    const notice = { user_id, kind: 'call', title: 'A title', text: '*A* text' } as const
    expect(await notifier.send(notice)).toEqual({ outcome: 'sent' })
    const extras = { 'client::display': { contentType: 'text/plain' } }
    expect(posted).toEqual([['/gotify/message', { title: 'A title', message: '*A* text', priority: 8, extras }]])
  })

  test.for([400, 401, 403])('%i is a refusal', async (status, { onTestFinished }) => {
    const service = await createUnrulyServer(() => [status, {}])
    onTestFinished(() => service.close())
    const notifier = await notifierOf(service.url)
    const notice = { user_id, kind: 'chat', title: 'A title', text: 'A text' } as const
    expect(await notifier.send(notice)).toEqual({ outcome: 'refused', reason: `status ${status}` })
  })

  test('a service that is not there is told later', async () => {
    const service = await createGotifyServer(token)
    const notifier = await notifierOf(service.url)
    await service.close()
    const notice = { user_id, kind: 'chat', title: 'A title', text: 'A text' } as const
    expect(await notifier.send(notice)).toEqual({ outcome: 'later', reason: 'network' })
  })
})

describe.concurrent('webhook', () => {
  for (const { name, run } of notifierContract) {
    test(name, { timeout: 40_000 }, async ({ onTestFinished }) => {
      const taken: string[] = []
      const service = await createUnrulyServer((_, body) => {
        taken.push((JSON.parse(body) as { payload: { text: string } }).payload.text)
        return [200, {}]
      })
      onTestFinished(() => service.close())
      const [webhook] = createWebhooks([{ url: service.url, secret: 'x'.repeat(24) }])
      const event = { id: 'e1', type: 'chat.message.created', from: 'usr_ana', at: 0, room_id: 'room_1', seq: 1 }
      await run(
        under(service, {
          send: (text) =>
            webhook?.send({ ...event, payload: { text } } satisfies RoomEvent) ?? Promise.reject(new Error()),
          taken: () => taken,
          knowsItsAnswers: false,
          mayRefuse: false,
        }),
      )
    })
  }
})
