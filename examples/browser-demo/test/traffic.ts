import type { Server } from 'node:http'
import type { Socket } from 'node:net'

/** The connections that a server takes from now on. */
export interface Traffic {
  /** Their bytes, both ways. */
  bytes(): number
  /** Cuts them all, without a word. */
  cut(): void
}

/** @see Traffic */
export function watchTraffic(server: Server): Traffic {
  const sockets = new Set<Socket>()
  server.on('connection', (socket: Socket) => sockets.add(socket))
  return {
    bytes: () => [...sockets].reduce((sum, { bytesRead, bytesWritten }) => sum + bytesRead + bytesWritten, 0),
    cut() {
      for (const socket of sockets) socket.destroy()
    },
  }
}
