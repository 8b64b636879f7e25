import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import { rule, type Case } from '../case.ts'
import { upgrade } from '../upgrade.ts'
import { closes, refused, type World } from '../world.ts'

const endpoint = (t: World) => `${t.base}/ws`

/** A ping padded to an exact number of bytes; its payload is not allowed, so that it is answered by an error. */
function frameOf(bytes: number): string {
  const frame = (pad: string) =>
    JSON.stringify({
      type: 'system.ping',
      id: randomUUID(),
      timestamp: new Date().toISOString(),
      to: 'server',
      payload: { pad },
    })
  return frame('x'.repeat(bytes - frame('').length))
}

/** §1: what happens before and below the first event. */
export const transport: Case[] = [
  rule('transport.subprotocol', '§1', 'A client that offers mesh.v1 gets exactly mesh.v1 back.', async (t) => {
    for (const offer of ['mesh.v1', 'mesh.v9, mesh.v1']) {
      const { status, headers } = await upgrade(endpoint(t), { 'sec-websocket-protocol': offer })
      assert.deepEqual([status, headers['sec-websocket-protocol']], [101, 'mesh.v1'])
    }
  }),
  rule(
    'transport.subprotocol-optional',
    '§1',
    'The subprotocol may be left out; no other is ever echoed.',
    async (t) => {
      for (const offer of [{}, { 'sec-websocket-protocol': 'mesh.v9' }]) {
        const { status, headers } = await upgrade(endpoint(t), offer as Record<string, string>)
        assert.deepEqual([status, headers['sec-websocket-protocol']], [101, undefined])
      }
    },
  ),
  rule('transport.version', '§1', 'Another version of WebSocket is answered 400.', async (t) => {
    assert.equal((await upgrade(endpoint(t), { 'sec-websocket-version': '12' })).status, 400)
  }),
  rule('transport.token-in-query', '§1', 'A query parameter token, access_token or jwt is answered 400.', async (t) => {
    for (const name of ['token', 'access_token', 'jwt']) {
      assert.equal((await upgrade(`${endpoint(t)}?a=1&${name}=x`)).status, 400, name)
    }
  }),
  rule('transport.other-path', '§1', 'An upgrade anywhere but at the endpoint is answered 404.', async (t) => {
    assert.equal((await upgrade(`${t.base}/no-such-endpoint`)).status, 404)
  }),
  rule('transport.origin-foreign', '§1', 'A foreign Origin is answered 403, whatever Host says.', async (t) => {
    const origins = ['https://foreign.example', 'null', 'http://127.0.0.1.foreign.example']
    for (const origin of origins) assert.equal((await upgrade(endpoint(t), { origin })).status, 403, origin)
    const rebound = { origin: 'http://rebound.example', host: 'rebound.example' }
    assert.equal((await upgrade(endpoint(t), rebound)).status, 403, 'Host is never asked')
  }),
  rule(
    'transport.origin-own',
    '§1',
    "The public URL's Origin, or a loopback one where none is set, is let in.",
    async (t) => {
      const origin = new URL(/^https?:/.test(t.issuer) ? t.issuer : t.base).origin
      assert.equal((await upgrade(endpoint(t), { origin })).status, 101, origin)
    },
  ),
  rule('transport.no-compression', '§1', 'Per-message compression is not agreed to.', async (t) => {
    const offer = { 'sec-websocket-extensions': 'permessage-deflate; client_max_window_bits' }
    const { status, headers } = await upgrade(endpoint(t), offer)
    assert.deepEqual([status, headers['sec-websocket-extensions']], [101, undefined])
  }),
  rule('transport.binary', '§1', 'A binary frame closes with 1003.', async (t) => {
    const [user] = await t.people(1)
    const wire = await t.connect(user!)
    wire.socket.send(Buffer.from('{}'))
    await closes(wire, 1003)
  }),
  rule('transport.binary-first', '§1', 'A binary frame in place of the hello ends the connection.', async (t) => {
    const wire = await t.open()
    wire.socket.send(Buffer.from('{}'))
    // Both rules of §1 fit: a binary frame (1003) and a malformed hello (4102).
    await closes(wire, 1003, 4102)
  }),
  rule('transport.frame-too-large', '§1', 'A frame of more than 96 KiB closes with 1009.', async (t) => {
    const [user] = await t.people(1)
    const wire = await t.connect(user!)
    wire.raw(frameOf(97 * 1024))
    await closes(wire, 1009)
  }),
  rule('transport.frame-largest', '§1', 'A frame of exactly 96 KiB is taken, and judged by its class.', async (t) => {
    const [user] = await t.people(1)
    const wire = await t.connect(user!)
    const text = frameOf(96 * 1024)
    wire.raw(text)
    const { id } = JSON.parse(text) as { id: string }
    refused(await wire.next((frame) => frame.reply_to === id), 'MESSAGE_TOO_LARGE')
    await t.settle(wire)
  }),
  rule(
    'transport.fragments',
    '§1',
    'A message of 64 fragments is taken, one of more ends the connection.',
    async (t) => {
      const [user] = await t.people(1)
      const wire = await t.connect(user!)
      const fragmented = (count: number) => {
        const text = JSON.stringify({
          type: 'system.ping',
          id: randomUUID(),
          timestamp: new Date().toISOString(),
          to: 'server',
          payload: {},
        })
        const size = Math.ceil(text.length / count)
        for (let i = 0; i < count - 1; i++) wire.socket.send(text.slice(i * size, (i + 1) * size), { fin: false })
        wire.socket.send(text.slice((count - 1) * size), { fin: true })
      }
      fragmented(64)
      await wire.next('system.pong')
      fragmented(66)
      // The contract names no code for this one: 1002, 1008 and 1009 are all in use for it.
      await closes(wire, 1002, 1008, 1009)
    },
  ),
]
