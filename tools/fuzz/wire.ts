import { randomUUID } from 'node:crypto'
import { WebSocket } from 'ws'
import { mayClose, readFrame, type ServerFrame } from './verdict.ts'

/** A connection that holds every frame it gets to the table. */
export interface Wire {
  readonly socket: WebSocket
  /** Resolves with the close code. */
  readonly closed: Promise<number>
  readonly isOpen: boolean
  /** Called with each frame; replaced, not added. */
  onFrame: (frame: ServerFrame) => void
  send(type: string, to: string, payload: object): string
  /** Sends an event and waits for its answer, an error included. Undefined: the connection was closed. */
  ask(type: string, to: string, payload: object): Promise<ServerFrame | undefined>
  close(): Promise<void>
}

/** Opens a connection; `fault` hears of whatever the server should not have sent. */
export async function openWire(url: string, fault: (what: string) => void): Promise<Wire> {
  const socket = new WebSocket(`${url.replace('http', 'ws')}/ws`, 'mesh.v1', { perMessageDeflate: false })
  const waiting = new Map<string, (frame: ServerFrame | undefined) => void>()
  const closed = new Promise<number>((resolve) => {
    socket.once('close', (code) => {
      // 1006 is what a socket sees that ends without a close frame: a crash, or our own terminate().
      if (!mayClose(code) && code !== 1006) fault(`closed with ${code}`)
      for (const answer of waiting.values()) answer(undefined)
      resolve(code)
    })
  })
  const wire: Wire = {
    socket,
    closed,
    get isOpen() {
      return socket.readyState === WebSocket.OPEN
    },
    onFrame() {},
    send(type, to, payload) {
      const id = randomUUID()
      const envelope = { type, id, timestamp: new Date().toISOString(), to, payload }
      if (wire.isOpen) socket.send(JSON.stringify(envelope))
      return id
    },
    ask(type, to, payload) {
      if (!wire.isOpen) return Promise.resolve(undefined)
      const id = wire.send(type, to, payload)
      return new Promise((resolve) => waiting.set(id, resolve)).then((frame) => {
        waiting.delete(id)
        return frame as ServerFrame | undefined
      })
    },
    async close() {
      if (wire.isOpen) socket.close()
      await closed
    },
  }
  socket.on('message', (data: Buffer) => {
    const text = data.toString()
    try {
      const frame = readFrame(text)
      if (frame.reply_to !== undefined) waiting.get(frame.reply_to)?.(frame)
      wire.onFrame(frame)
    } catch (error) {
      fault(`${error instanceof Error ? error.message : String(error)}: ${text.slice(0, 500)}`)
    }
  })
  await new Promise<void>((resolve, reject) => {
    socket.once('open', resolve)
    socket.once('error', reject)
  })
  socket.on('error', () => {})
  return wire
}
