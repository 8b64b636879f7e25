// The yardstick: the least that relays messages between sockets with ws. It parses, looks the receiver up, writes and
// sends, and checks nothing. A message to `room` goes to all others, written for each of them.
import { WebSocketServer, type WebSocket } from 'ws'
import { reportTo } from './report.ts'

const peers = new Map<string, WebSocket>()
const server = new WebSocketServer({ port: 0, host: '127.0.0.1', perMessageDeflate: false })
let next = 0
server.on('connection', (socket) => {
  const id = `peer_${next++}`
  peers.set(id, socket)
  socket.send(JSON.stringify({ id }))
  socket.on('error', () => {})
  socket.on('close', () => peers.delete(id))
  socket.on('message', (data: Buffer) => {
    const frame = JSON.parse(data.toString()) as { to: string }
    if (frame.to !== 'room') peers.get(frame.to)?.send(JSON.stringify(frame))
    else for (const peer of peers.values()) if (peer !== socket) peer.send(JSON.stringify(frame))
  })
})
server.on('listening', () => {
  const address = server.address()
  reportTo(`ws://127.0.0.1:${typeof address === 'object' && address ? address.port : 0}`)
})
