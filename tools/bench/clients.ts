import { randomBytes, randomUUID } from 'node:crypto'
import { once } from 'node:events'
import { WebSocket } from 'ws'
import type { Server } from './servers.ts'

/** How often a client says how many frames it has taken in, as the SDK does. */
const ackEvery = 64

/** A socket with a name that others can address. */
export interface Client {
  socket: WebSocket
  id: string
  /** Sends an event as its server wants it wrapped. */
  send(frame: string): void
}

const clientOf = (socket: WebSocket, id: string): Client => ({ socket, id, send: (frame) => socket.send(frame) })

/** An event as clients write it. */
export function frame(type: string, to: string, payload: object): string {
  return JSON.stringify({ type, id: randomUUID(), timestamp: new Date().toISOString(), to, payload })
}

export const newRtcId = () => `rtc_${randomBytes(16).toString('base64url')}`

/** Waits for a frame that fits; an error frame throws. */
export function nextOf(socket: WebSocket, type: string): Promise<Record<string, string>> {
  return new Promise((resolve, reject) => {
    const listen = (data: Buffer) => {
      const received = JSON.parse(data.toString()) as { type: string; payload: Record<string, string> }
      if (received.type === 'error') reject(new Error(data.toString()))
      if (received.type !== type) return
      socket.off('message', listen)
      resolve(received.payload)
    }
    socket.on('message', listen)
  })
}

export async function connectBare({ url }: Server): Promise<Client> {
  const socket = new WebSocket(url, { perMessageDeflate: false })
  const id = await new Promise<string>((resolve) =>
    socket.once('message', (data: Buffer) => resolve((JSON.parse(data.toString()) as { id: string }).id)),
  )
  return clientOf(socket, id)
}

/** Connects, says hello, enters the room, and from then on acknowledges what comes. */
export async function connectMesh({ url, access_token, room_id }: Server): Promise<Client> {
  const socket = new WebSocket(`${url}/ws`, ['mesh.v1'], { perMessageDeflate: false })
  await new Promise((resolve, reject) => socket.once('open', resolve).once('error', reject))
  let received = -1
  socket.on('message', () => {
    if (++received > 0 && received % ackEvery === 0) socket.send(frame('system.ack', 'server', { received }))
  })
  socket.send(frame('system.hello', 'server', { token: access_token }))
  const { peer_id = '' } = await nextOf(socket, 'system.welcome')
  socket.send(frame('room.join', room_id, {}))
  await nextOf(socket, 'room.joined')
  return clientOf(socket, peer_id)
}

/** Connects to Socket.IO as its own client does: the greeting of the transport, then that of the namespace. */
export async function connectSocketIo({ url }: Pick<Server, 'url'>): Promise<Client> {
  const socket = new WebSocket(`${url}/socket.io/?EIO=4&transport=websocket`, { perMessageDeflate: false })
  const next = async () => {
    const [data] = (await once(socket, 'message')) as [Buffer]
    return data.toString()
  }
  await next()
  socket.send('40')
  const { sid } = JSON.parse((await next()).slice(2)) as { sid: string }
  return { socket, id: sid, send: (frame) => socket.send(`42["frame",${frame}]`) }
}

/** Leaves the room for good: whoever only goes away may come back, and what it is told meanwhile is kept for it. */
export async function leave({ socket, send }: Client, room_id: string): Promise<void> {
  send(frame('room.leave', room_id, {}))
  await nextOf(socket, 'room.left')
  socket.terminate()
}

/** A capability token to call with. */
export async function capabilityOf({ socket }: Client, room_id: string): Promise<string> {
  socket.send(frame('capability.request', 'server', { room_id, caps: ['call'] }))
  return (await nextOf(socket, 'capability.granted')).token ?? ''
}

/** Connects so many, one after the other. */
export async function fill<T>(count: number, connect: () => Promise<T>): Promise<T[]> {
  const all: T[] = []
  while (all.length < count) all.push(await connect())
  return all
}
