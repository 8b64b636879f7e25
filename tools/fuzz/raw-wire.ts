import { randomBytes } from 'node:crypto'
import { connect } from 'node:net'
import { mayClose, readFrame, type ServerFrame } from './verdict.ts'
import { createFrameReader, opcodes, wsFrame } from './ws-frame.ts'

/** A TCP connection that has been upgraded, and is written to as it comes. */
export interface RawWire {
  readonly frames: ServerFrame[]
  readonly pongs: number
  /** The code that the server closed with; 1006 where it hung up without one. */
  readonly closed: Promise<number>
  readonly isOpen: boolean
  write(bytes: Buffer): void
  /** Writes a sound text frame. */
  say(envelope: object): void
  /** Waits for a frame. Undefined: the connection was closed. */
  next(fits: (frame: ServerFrame) => boolean): Promise<ServerFrame | undefined>
  /** Stops reading what the server sends. */
  pause(): void
  hangUp(): void
}

/** Upgrades a TCP connection by hand. @throws Error when the answer is not 101 */
export async function openRawWire(url: string, fault: (what: string) => void): Promise<RawWire> {
  const { hostname, port } = new URL(url)
  const socket = connect(Number(port), hostname)
  socket.setNoDelay(true)
  socket.on('error', () => {})
  const frames: ServerFrame[] = []
  const waiting = new Set<() => void>()
  let pongs = 0
  let code = 1006
  let isOpen = true
  const { promise: closed, resolve: end } = Promise.withResolvers<number>()
  socket.once('close', () => {
    isOpen = false
    for (const look of waiting) look()
    end(code)
  })
  const key = randomBytes(16).toString('base64')
  socket.write(
    `GET /ws HTTP/1.1\r\nHost: ${hostname}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Key: ${key}\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Protocol: mesh.v1\r\n\r\n`,
  )
  const early = await upgraded(socket)

  const read = createFrameReader()
  function take(chunk: Buffer): void {
    try {
      for (const { opcode, payload } of read(chunk)) {
        if (opcode === opcodes.pong) pongs++
        else if (opcode === opcodes.text) frames.push(readFrame(payload.toString()))
        else if (opcode === opcodes.close) {
          code = payload.length >= 2 ? payload.readUInt16BE() : 1005
          if (!mayClose(code)) fault(`closed with ${code}`)
          // Not answered with a close frame of our own: it would have to follow whatever nonsense was written before.
          socket.destroy()
        } else if (opcode !== opcodes.ping) fault(`sent an opcode ${opcode}`)
      }
    } catch (error) {
      fault(error instanceof Error ? error.message : String(error))
    }
    for (const look of waiting) look()
  }
  take(early)
  socket.on('data', take)

  const wire: RawWire = {
    frames,
    closed,
    get pongs() {
      return pongs
    },
    get isOpen() {
      return isOpen
    },
    write: (bytes) => void (isOpen && socket.write(bytes)),
    say: (envelope) => wire.write(wsFrame({ payload: Buffer.from(JSON.stringify(envelope)) })),
    next(fits) {
      return new Promise((resolve) => {
        const look = () => {
          const found = frames.find(fits)
          if (!found && isOpen) return
          waiting.delete(look)
          resolve(found)
        }
        waiting.add(look)
        look()
      })
    },
    pause: () => void socket.pause(),
    hangUp() {
      isOpen = false
      socket.destroy()
    },
  }
  return wire
}

/** Reads the answer to the upgrade; resolves with what came behind it. */
function upgraded(socket: ReturnType<typeof connect>): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    let head = Buffer.alloc(0)
    const gone = () => reject(new Error('hung up before the upgrade'))
    socket.once('close', gone)
    socket.on('data', function listen(chunk: Buffer) {
      head = Buffer.concat([head, chunk])
      const end = head.indexOf('\r\n\r\n')
      if (end === -1) return
      socket.off('data', listen)
      socket.off('close', gone)
      if (head.subarray(0, 12).toString() === 'HTTP/1.1 101') resolve(head.subarray(end + 4))
      else reject(new Error(head.toString().split('\r\n')[0]))
    })
  })
}
