import { readFile } from 'node:fs/promises'
import { createServer, type IncomingHttpHeaders } from 'node:http'
import type { AddressInfo } from 'node:net'
import { createMesh } from '@mesh/server'
import { expect, onTestFinished, test, vi } from 'vitest'
import { createRig } from './support.ts'

/** Made as the documentation has it made. */
const secret = `whsec_${Buffer.alloc(32, 'secret').toString('base64')}`
const eventually = { timeout: 15_000, interval: 20 }
const quick = { pollMs: 20, retryMs: { first: 10, longest: 50 } }

interface Request {
  headers: IncomingHttpHeaders
  rawBody: string
}

/** The receiver's check, as the documentation gives it to users. */
async function readDocumented(): Promise<(request: Request, secret: string) => boolean> {
  const text = await readFile(new URL('../../../docs/notifications.md', import.meta.url), 'utf8')
  const [, code = ''] = /```js\n(.*?)```/s.exec(text) ?? []
  const url = `data:text/javascript,${encodeURIComponent(`${code}\nexport { isGenuine }`)}`
  return ((await import(/* @vite-ignore */ url)) as { isGenuine: (request: Request, secret: string) => boolean })
    .isGenuine
}

/** A service that answers with a status, after a time in milliseconds, and keeps what it took. */
async function createService(statusOf: (request: Request) => number = () => 204, afterMs = 0) {
  const taken: Request[] = []
  const server = createServer((request, response) => {
    const chunks: Buffer[] = []
    request.on('data', (chunk: Buffer) => chunks.push(chunk))
    request.on('end', () => {
      const got = { headers: request.headers, rawBody: Buffer.concat(chunks).toString('utf8') }
      const status = statusOf(got)
      if (status < 300) taken.push(got)
      setTimeout(() => response.writeHead(status).end(), afterMs)
    })
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  onTestFinished(() => void server.close())
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/events`, taken }
}

test('a webhook hears of every durable event once, in order and signed, though the service fails; so does a listener', async () => {
  const isGenuine = await readDocumented()
  let requests = 0
  // Every other one fails, before it is looked at.
  const service = await createService((request) =>
    ++requests % 2 === 1 ? 500 : isGenuine(request, secret) ? 204 : 401,
  )
  const rig = await createRig({ webhooks: [{ url: service.url, secret }], deliveries: quick })
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

  await vi.waitFor(() => expect(service.taken).toHaveLength(5), eventually)
  const feed = await rig.rest('GET', `/api/v1/rooms/${room}/events?after=0`, undefined, ana.access_token)
  const events = feed.body.data as { id: string; seq: number }[]
  expect(events.map(({ seq }) => seq)).toEqual([1, 2, 3, 4, 5])
  expect(service.taken.map(({ rawBody }) => JSON.parse(rawBody) as unknown)).toEqual(events)
  const ids = events.map(({ id }) => id)
  expect(service.taken.map(({ headers }) => headers['webhook-id'])).toEqual(ids)
  expect(listened).toEqual(ids)
  await vi.waitFor(async () => expect(await rig.mesh.storage.deliveries.list({ limit: 9 })).toEqual([]), 5_000)
})

test('the documented check takes what is genuine, and neither what was changed nor what is old', async () => {
  const isGenuine = await readDocumented()
  const service = await createService()
  const rig = await createRig({ webhooks: [{ url: service.url, secret }], deliveries: quick })
  onTestFinished(() => rig.close())
  await rig.mesh.rooms.create((await rig.account('ana')).user_id, 'Lab')
  await vi.waitFor(() => expect(service.taken).toHaveLength(1), eventually)
  const [request] = service.taken as [Request]
  expect(isGenuine(request, secret)).toBe(true)
  expect(isGenuine(request, `whsec_${Buffer.alloc(32, 'another').toString('base64')}`)).toBe(false)
  expect(isGenuine({ ...request, rawBody: request.rawBody.replace('Lab', 'Bar') }, secret)).toBe(false)
  for (const at of ['', 'now', String(Number(request.headers['webhook-timestamp']) - 400)]) {
    expect(isGenuine({ ...request, headers: { ...request.headers, 'webhook-timestamp': at } }, secret)).toBe(false)
  }
  const later = vi.spyOn(Date, 'now').mockReturnValue(Date.now() + 301_000)
  onTestFinished(() => later.mockRestore())
  expect(isGenuine(request, secret)).toBe(false)
})

test('a stop waits for the event that a slow service is being told, not for those behind it, which come afterwards', async () => {
  const service = await createService(() => 204, 700)
  const webhooks = [{ url: service.url, secret }]
  const rig = await createRig({ webhooks, deliveries: quick })
  const { dataDir, mesh } = rig
  const { user_id } = await rig.account('ana')
  const { room_id } = await mesh.rooms.create(user_id, 'Lab')
  for (let n = 0; n < 4; n++) await mesh.rooms.update('administrator', room_id, { name: `Lab ${n}` })
  await vi.waitFor(() => expect(service.taken).toHaveLength(1), eventually)
  const at = performance.now()
  await mesh.close()
  expect(performance.now() - at).toBeLessThan(1_900)
  expect(service.taken.length).toBeLessThan(4)
  const again = await createMesh({ dataDir, webhooks, deliveries: quick })
  onTestFinished(async () => {
    await again.close()
    await rig.close()
  })
  await vi.waitFor(() => expect(service.taken).toHaveLength(5), eventually)
  expect(service.taken.map(({ rawBody }) => (JSON.parse(rawBody) as { seq: number }).seq)).toEqual([1, 2, 3, 4, 5])
})

test('several webhooks hear of every event each', async () => {
  const services = [await createService(), await createService()]
  const webhooks = services.map(({ url }, index) => ({ url, secret, name: `service${index}` }))
  const rig = await createRig({ webhooks, deliveries: quick })
  onTestFinished(() => rig.close())
  const { user_id } = await rig.account('ana')
  for (const name of ['one', 'two', 'three']) await rig.mesh.rooms.create(user_id, name)
  for (const { taken } of services) await vi.waitFor(() => expect(taken).toHaveLength(3), eventually)
})

test.each<[string, object[]]>([
  ['two of one name, of which each would hear half', [{}, {}]],
  ['a secret with which nothing is signed', [{ secret: `whsec_${'!'.repeat(40)}` }]],
  ['a short secret', [{ secret: `whsec_${Buffer.alloc(23, 1).toString('base64')}` }]],
  ['a short secret in clear', [{ secret: 'x'.repeat(23) }]],
  ['a URL of another kind', [{ url: 'file:///etc/passwd' }]],
  ['a name that is none', [{ name: 'a b' }]],
])('%s is refused at the start, without a word of it', async (_, given) => {
  const webhooks = given.map((one) => ({ url: 'http://127.0.0.1:9', secret, ...one }))
  const refused = await createRig({ webhooks }).catch((error: unknown) => error)
  expect(refused).toMatchObject({ constructor: Error, message: expect.stringMatching(/^(Each|The|A) .*webhook/) })
  for (const { secret: given } of webhooks) expect(String(refused)).not.toContain(given.slice(6))
})
