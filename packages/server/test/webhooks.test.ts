import { createHmac } from 'node:crypto'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { expect, onTestFinished, test, vi } from 'vitest'
import { createRig } from './support.ts'

const secret = 'a secret of more than 24 characters'

test('a webhook hears of every durable event once, in order and signed, though the service fails; so does a listener', async () => {
  const heard: { id: string; type: string; seq: number }[] = []
  let requests = 0
  const service = createServer((request, response) => {
    const chunks: Buffer[] = []
    request.on('data', (chunk: Buffer) => chunks.push(chunk))
    request.on('end', () => {
      // Every other one fails, before it is looked at.
      if (++requests % 2 === 1) return response.writeHead(500).end()
      const { 'webhook-id': id, 'webhook-timestamp': at, 'webhook-signature': signature } = request.headers
      const body = Buffer.concat(chunks).toString('utf8')
      const expected = createHmac('sha256', secret)
        .update(`${String(id)}.${String(at)}.${body}`)
        .digest('base64')
      const event = JSON.parse(body) as { id: string; type: string; seq: number }
      if (signature !== `v1,${expected}` || event.id !== id || Math.abs(Number(at) - Date.now() / 1000) > 60) {
        return response.writeHead(401).end()
      }
      heard.push(event)
      response.writeHead(204).end()
    })
  })
  await new Promise<void>((resolve) => service.listen(0, '127.0.0.1', resolve))
  onTestFinished(() => void service.close())
  const url = `http://127.0.0.1:${(service.address() as AddressInfo).port}/events`
  const rig = await createRig({
    webhooks: [{ url, secret }],
    deliveries: { pollMs: 20, retryMs: { first: 10, longest: 50 } },
  })
  onTestFinished(() => rig.close())
  const listened: string[] = []
  rig.mesh.on('*', ({ id }) => listened.push(id))
  rig.mesh.on('chat.message.created', () => {
    throw new Error('a listener of the host')
  })

  const ana = await rig.account('ana')
  const { body } = await rig.rest('POST', '/api/v1/rooms', { name: 'Lab' }, ana.access_token)
  const room = String(body.room_id)
  const wire = await rig.open()
  await wire.hello(ana.access_token)
  await wire.ask('room.join', room, {})
  for (const text of ['one', 'two', 'three', 'four']) await wire.ask('chat.message.send', room, { text })

  await vi.waitFor(() => expect(heard).toHaveLength(5), { timeout: 15_000, interval: 20 })
  const feed = await rig.rest('GET', `/api/v1/rooms/${room}/events?after=0`, undefined, ana.access_token)
  const ids = (feed.body.data as { id: string }[]).map(({ id }) => id)
  expect(heard.map(({ seq }) => seq)).toEqual([1, 2, 3, 4, 5])
  expect(heard.map(({ id }) => id)).toEqual(ids)
  expect(listened).toEqual(ids)
  await vi.waitFor(async () => expect(await rig.mesh.storage.deliveries.list({ limit: 9 })).toEqual([]), 5_000)
})
