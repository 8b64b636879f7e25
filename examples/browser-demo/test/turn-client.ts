import { createHash, createHmac, randomBytes } from 'node:crypto'
import { createSocket } from 'node:dgram'
import { isIPv4 } from 'node:net'

/** As much of a TURN client (RFC 8489, RFC 8656) as it takes to ask a relay what it allows. */
export interface TurnClient {
  /** Asks for an address of its own. */
  allocate(family?: 4 | 6): Promise<Outcome>
  /** Asks that somebody may send to that address. Nothing is sent to them. */
  permit(peer: string): Promise<Outcome>
  close(): void
}

/** `ok`, or the code of the error. */
export type Outcome = 'ok' | number

const cookie = 0x2112a442
const method = { binding: 1, allocate: 3, createPermission: 8 }
const attribute = {
  username: 0x06,
  integrity: 0x08,
  error: 0x09,
  peer: 0x12,
  realm: 0x14,
  nonce: 0x15,
  family: 0x17,
  transport: 0x19,
}
const udp = 17
const timeoutMs = 2_000

interface Message {
  readonly type: number
  readonly attributes: ReadonlyMap<number, Buffer>
}

/** A client of the relay at a port of 127.0.0.1. */
export function createTurnClient(port: number, user: { username: string; credential: string }): TurnClient {
  const socket = createSocket('udp4')
  let challenge: { realm: Buffer; nonce: Buffer } | undefined

  async function ask(what: number, attributes: readonly Buffer[]): Promise<Outcome> {
    let answer = await exchange(socket, port, what, (id) => encode(what, id, attributes))
    if (codeOf(answer) === 401 && !challenge) {
      const [realm, nonce] = [answer.attributes.get(attribute.realm), answer.attributes.get(attribute.nonce)]
      if (!realm || !nonce) return 401
      challenge = { realm, nonce }
    }
    if (challenge) answer = await exchange(socket, port, what, (id) => sign(what, id, attributes))
    return codeOf(answer)
  }

  function sign(what: number, id: Buffer, attributes: readonly Buffer[]): Buffer {
    const { realm, nonce } = challenge ?? { realm: Buffer.alloc(0), nonce: Buffer.alloc(0) }
    const key = createHash('md5').update(`${user.username}:${realm}:${user.credential}`).digest()
    const signed = [
      ...attributes,
      tlv(attribute.username, Buffer.from(user.username)),
      tlv(attribute.realm, realm),
      tlv(attribute.nonce, nonce),
    ]
    // The length that is signed counts the signature as well.
    const body = encode(what, id, signed, 24)
    return Buffer.concat([body, tlv(attribute.integrity, createHmac('sha1', key).update(body).digest())])
  }

  return {
    allocate: (family = 4) =>
      ask(method.allocate, [
        tlv(attribute.transport, Buffer.from([udp, 0, 0, 0])),
        ...(family === 6 ? [tlv(attribute.family, Buffer.from([2, 0, 0, 0]))] : []),
      ]),
    async permit(peer) {
      const answer = await exchange(socket, port, method.createPermission, (id) =>
        sign(method.createPermission, id, [tlv(attribute.peer, addressOf(peer, id))]),
      )
      return codeOf(answer)
    },
    close: () => socket.close(),
  }
}

/** Whether something at a port of 127.0.0.1 answers a STUN request. */
export async function answersStun(port: number): Promise<boolean> {
  const socket = createSocket('udp4')
  try {
    await exchange(socket, port, method.binding, (id) => encode(method.binding, id, []), 100)
    return true
  } catch {
    return false
  } finally {
    socket.close()
  }
}

function exchange(
  socket: ReturnType<typeof createSocket>,
  port: number,
  what: number,
  write: (id: Buffer) => Buffer,
  ms = timeoutMs,
): Promise<Message> {
  const id = randomBytes(12)
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => done(() => reject(new Error(`no answer to STUN method ${what}`))), ms)
    const read = (data: Buffer): void => {
      if (data.subarray(8, 20).equals(id)) done(() => resolve(decode(data)))
    }
    // On loopback a closed port is told at once; then the next attempt comes just as late.
    const ignore = (): void => undefined
    const done = (settle: () => void): void => {
      clearTimeout(timer)
      socket.off('message', read).off('error', ignore)
      settle()
    }
    socket.on('message', read).on('error', ignore)
    socket.send(write(id), port, '127.0.0.1')
  })
}

function encode(what: number, id: Buffer, attributes: readonly Buffer[], more = 0): Buffer {
  const body = Buffer.concat(attributes)
  const header = Buffer.alloc(8)
  header.writeUInt16BE(what, 0)
  header.writeUInt16BE(body.length + more, 2)
  header.writeUInt32BE(cookie, 4)
  return Buffer.concat([header, id, body])
}

function tlv(type: number, value: Buffer): Buffer {
  const header = Buffer.alloc(4)
  header.writeUInt16BE(type, 0)
  header.writeUInt16BE(value.length, 2)
  return Buffer.concat([header, value, Buffer.alloc((4 - (value.length % 4)) % 4)])
}

function decode(data: Buffer): Message {
  const attributes = new Map<number, Buffer>()
  for (let at = 20; at + 4 <= data.length;) {
    const length = data.readUInt16BE(at + 2)
    attributes.set(data.readUInt16BE(at), data.subarray(at + 4, at + 4 + length))
    at += 4 + length + ((4 - (length % 4)) % 4)
  }
  return { type: data.readUInt16BE(0), attributes }
}

function codeOf({ type, attributes }: Message): Outcome {
  const error = attributes.get(attribute.error)
  if ((type & 0x0110) !== 0x0110 || !error) return 'ok'
  return error.readUInt8(2) * 100 + error.readUInt8(3)
}

/** An address as STUN writes it: hidden behind the cookie and the id, so that no router on the way rewrites it. */
function addressOf(address: string, id: Buffer): Buffer {
  const mask = Buffer.alloc(16)
  mask.writeUInt32BE(cookie, 0)
  id.copy(mask, 4)
  const bytes = isIPv4(address) ? Buffer.from(address.split('.').map(Number)) : ipv6Of(address)
  const port = 50_000 ^ (cookie >>> 16)
  const family = bytes.length === 4 ? 1 : 2
  return Buffer.concat([
    Buffer.from([0, family, port >> 8, port & 0xff]),
    Buffer.from(bytes.map((byte, at) => byte ^ (mask[at] ?? 0))),
  ])
}

function ipv6Of(address: string): Buffer {
  // The URL parser knows every way to write one, and has one of its own.
  const [head = '', tail] = new URL(`http://[${address}]`).hostname.slice(1, -1).split('::')
  const groups = (part: string | undefined): string[] => (part ? part.split(':') : [])
  const [left, right] = [groups(head), groups(tail)]
  const zeros = Array.from({ length: 8 - left.length - right.length }, () => '0')
  return Buffer.from([...left, ...zeros, ...right].map((group) => group.padStart(4, '0')).join(''), 'hex')
}
