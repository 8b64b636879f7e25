// What a chat server with Socket.IO does to reach a client of whichever node: the adapter for Redis and one line for each
// kind of receiver. It checks nothing, and keeps nothing for a client that goes away.
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { createAdapter } from '@socket.io/redis-adapter'
import { Redis } from 'ioredis'
import { Server } from 'socket.io'
import { reportTo } from './report.ts'

const [redisUrl = ''] = process.argv.slice(2)
const http = createServer()
const io = new Server(http, {
  transports: ['websocket'],
  adapter: createAdapter(new Redis(redisUrl), new Redis(redisUrl)),
  // Its pings are messages, which the clients here would count.
  pingInterval: 3_600_000,
})
io.on('connection', (socket) => {
  void socket.join('room')
  socket.on('frame', (frame: { to: string }) => {
    const receivers = frame.to === 'room' ? socket.to('room') : io.to(frame.to)
    receivers.emit('frame', frame)
  })
})
http.listen(0, '127.0.0.1', () => reportTo(`ws://127.0.0.1:${(http.address() as AddressInfo).port}`))
