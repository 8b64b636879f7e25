import type { Server } from 'node:http'
import type { Socket } from 'node:net'

/** Counts the bytes, both ways, of all connections that a server takes from now on. */
export function countBytes(server: Server): () => number {
  const sockets = new Set<Socket>()
  server.on('connection', (socket: Socket) => sockets.add(socket))
  return () => [...sockets].reduce((sum, { bytesRead, bytesWritten }) => sum + bytesRead + bytesWritten, 0)
}
