import { createRequire } from 'node:module'
import { once } from 'node:events'
import { createServer } from 'node:http'
import type { RequestListener, Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { gzipSync } from 'node:zlib'
import express5 from 'express'
import type { ErrorRequestHandler, RequestHandler } from 'express'
import { Hono } from 'hono'
import { bodyLimit } from 'hono/body-limit'
import { afterEach, describe, expect, it, vi } from 'vitest'
import { toNodeHandler } from './node-handler.ts'

// Express 4 has no types of its own here; what the tests use of it is the same in both.
const express4: typeof express5 = createRequire(import.meta.url)('express-4')

const app = new Hono<{ Bindings: { incoming?: { socket: { remoteAddress?: string } } } }>()
app.use('/mesh/limited', bodyLimit({ maxSize: 64, onError: (c) => c.text('too large', 413) }))
app.get('/mesh/hello', (c) => c.json({ url: c.req.url, from: c.env.incoming?.socket.remoteAddress }))
app.on(['POST', 'PUT', 'DELETE'], ['/mesh/echo', '/mesh/limited'], async (c) => {
  const body = await c.req.text()
  return c.json({
    method: c.req.method,
    body,
    length: c.req.header('content-length'),
    encoding: c.req.header('content-encoding') ?? c.req.header('transfer-encoding'),
  })
})
app.get('/mesh/throws', () => {
  throw new Error('broken')
})
app.onError((error) => {
  throw error
})
const mesh = { fetch: app.fetch, handles: (path: string) => path === '/mesh' || path.startsWith('/mesh/') }

let server: Server | undefined
afterEach(() => {
  server?.close()
  server?.closeAllConnections()
})

async function listen(listener: RequestListener): Promise<string> {
  server = createServer(listener).listen(0, '127.0.0.1')
  await once(server, 'listening')
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`
}

/** A body whose length is not announced. */
function chunked(bytes: Buffer): RequestInit {
  const body = new ReadableStream({
    start(controller) {
      for (const byte of bytes) controller.enqueue(Uint8Array.of(byte))
      controller.close()
    },
  })
  // Node's fetch needs it with a stream; the type does not know it.
  return { body, duplex: 'half' } as RequestInit
}

const json = { 'content-type': 'application/json' }
const swallow: RequestHandler = (request, _response, next) => void request.resume().on('end', next)
const badGateway: ErrorRequestHandler = (error, _request, response, _next) =>
  void response.status(502).send(error.message)
const post = (url: string, init: RequestInit) => fetch(url, { method: 'POST', headers: json, ...init })

const globals = [globalThis.Request, globalThis.Response]

const mounts: [name: string, listener: () => RequestListener][] = [['node:http', () => toNodeHandler(mesh)]]
for (const [version, express] of [
  ['Express 4', express4],
  ['Express 5', express5],
] as const) {
  mounts.push(
    [`${version}, under a prefix`, () => express().use('/mesh', toNodeHandler(mesh))],
    [`${version}, at the root`, () => express().use(toNodeHandler(mesh))],
    [`${version}, before express.json()`, () => express().use('/mesh', toNodeHandler(mesh)).use(express.json())],
    [`${version}, after express.json()`, () => express().use(express.json()).use('/mesh', toNodeHandler(mesh))],
    [
      `${version}, after express.urlencoded() and json, in a router`,
      () => {
        const router = express.Router().use('/', toNodeHandler(mesh))
        return express()
          .use(express.urlencoded({ extended: true }), express.json())
          .use('/mesh', router)
      },
    ],
    [
      `${version}, after express.text()`,
      () =>
        express()
          .use(express.text({ type: '*/*' }))
          .use('/mesh', toNodeHandler(mesh)),
    ],
    [
      `${version}, after express.raw()`,
      () =>
        express()
          .use(express.raw({ type: '*/*' }))
          .use('/mesh', toNodeHandler(mesh)),
    ],
  )
}

describe.each(mounts)('toNodeHandler in %s', (_name, listener) => {
  it('passes the whole URL, and the client’s address', async () => {
    const base = await listen(listener())
    const response = await fetch(`${base}/mesh/hello?a=1`)
    expect(await response.json()).toEqual({ url: `${base}/mesh/hello?a=1`, from: '127.0.0.1' })
  })

  it('passes a body', async () => {
    const base = await listen(listener())
    const body = '{"name":"ü","list":[1,null]}'
    for (const method of ['POST', 'PUT', 'DELETE']) {
      const response = await fetch(`${base}/mesh/echo`, { method, headers: json, body })
      expect(await response.json()).toEqual({ method, body, length: String(Buffer.byteLength(body)) })
    }
    const unannounced = await post(`${base}/mesh/echo`, chunked(Buffer.from(body)))
    expect(await unannounced.json()).toMatchObject({ body })
  })

  it('passes no body where there is none', async () => {
    const base = await listen(listener())
    expect(await (await post(`${base}/mesh/echo`, {})).json()).toMatchObject({ body: '' })
    const bare = await fetch(`${base}/mesh/echo`, { method: 'DELETE' })
    expect(await bare.json()).toMatchObject({ body: '' })
  })

  it('leaves the body limit to the application, announced or not', async () => {
    const base = await listen(listener())
    const small = '{"a":1}'
    const large = JSON.stringify({ a: 'x'.repeat(100) })
    expect((await post(`${base}/mesh/limited`, { body: small })).status).toBe(200)
    expect((await post(`${base}/mesh/limited`, chunked(Buffer.from(small)))).status).toBe(200)
    expect((await post(`${base}/mesh/limited`, { body: large })).status).toBe(413)
    expect((await post(`${base}/mesh/limited`, chunked(Buffer.from(large)))).status).toBe(413)
  })
})

describe('toNodeHandler', () => {
  it('leaves the globals alone', async () => {
    await fetch(`${await listen(toNodeHandler(mesh))}/mesh/hello`)
    expect(globalThis.Request).toBe(globals[0])
    expect(globalThis.Response).toBe(globals[1])
  })

  it('gives back what a parser has unpacked, without the headers of the packing', async () => {
    const base = await listen(express5().use(express5.json(), toNodeHandler(mesh)))
    const response = await post(`${base}/mesh/echo`, {
      ...chunked(gzipSync('{"a": 1}')),
      headers: { ...json, 'content-encoding': 'gzip' },
    })
    expect(await response.json()).toEqual({ method: 'POST', body: '{"a":1}', length: '7' })
  })

  it('says so when somebody has read the body and kept it', async () => {
    const host = express5()
    const failed = vi.fn<ErrorRequestHandler>((error, _request, response, _next) =>
      response.status(500).send(error.message),
    )
    host.use(swallow, toNodeHandler(mesh), failed)
    const response = await post(`${await listen(host)}/mesh/echo`, { body: '{}' })
    expect(await response.text()).toContain('was read before')
  })

  it('restores the URL that the host has stripped', async () => {
    const seen: (string | undefined)[] = []
    const router = express5.Router().use((request, _response, next) => {
      next()
      seen.push(request.url)
    }, toNodeHandler(mesh))
    const base = await listen(express5().use('/mesh', router))
    await fetch(`${base}/mesh/hello`)
    expect(seen).toEqual(['/hello'])
  })

  it('passes on what is not its own, in Express and beside a plain listener', async () => {
    const host = express5().use(toNodeHandler(mesh))
    host.get('/page', (_request, response) => void response.send('page'))
    let base = await listen(host)
    expect(await (await fetch(`${base}/page?/mesh/`)).text()).toBe('page')
    expect((await fetch(`${base}/mesh/hello`)).status).toBe(200)
    server?.close()

    base = await listen(toNodeHandler(mesh, (_request, response) => response.end('fallback')))
    expect(await (await fetch(`${base}/page`)).text()).toBe('fallback')
    expect((await fetch(`${base}/mesh/hello?a=1`)).status).toBe(200)
    expect(await (await fetch(`${base}/mesh?a=1`)).text()).toBe('404 Not Found')
    server?.close()

    base = await listen(toNodeHandler(mesh))
    expect((await fetch(`${base}/page`)).status).toBe(404)
  })

  it('hands a failure to Express, and answers 500 without it', async () => {
    const host = express5().use('/mesh', toNodeHandler(mesh))
    let response = await fetch(`${await listen(host.use(badGateway))}/mesh/throws`)
    expect([response.status, await response.text()]).toEqual([502, 'broken'])
    server?.close()

    response = await fetch(`${await listen(toNodeHandler(mesh))}/mesh/throws`)
    expect(response.status).toBe(500)
    expect(await response.json()).toMatchObject({ type: 'error', code: 'INTERNAL' })
  })

  it('answers a request that is none 400', async () => {
    const base = new URL(await listen(toNodeHandler(mesh)))
    const { request } = await import('node:http')
    const status = (options: object) =>
      new Promise((resolve, reject) => {
        const sent = request({ host: base.hostname, port: base.port, path: '/mesh/hello', ...options }, (response) => {
          response.resume()
          resolve(response.statusCode)
        })
        sent.on('error', reject).end()
      })
    expect(await status({ method: 'TRACE' })).toBe(400)
    expect(await status({ headers: { host: 'a b' } })).toBe(400)
    expect(await status({})).toBe(200)
  })
})
