// Opens connections and leaves them alone.
import { WebSocket } from 'ws'
import { frame } from './clients.ts'

const atOnce = 50

function open(url: string, access_token: string | undefined): Promise<void> {
  const socket = new WebSocket(access_token ? `${url}/ws` : url, { perMessageDeflate: false })
  return new Promise((resolve, reject) => {
    socket.once('error', reject)
    if (access_token) socket.once('open', () => socket.send(frame('system.hello', 'server', { token: access_token })))
    // Either server greets: with a name, or with the welcome.
    socket.once('message', () => resolve())
  })
}

process.on('message', (message) => {
  const { url, access_token, connections } = message as { url: string; access_token?: string; connections: number }
  const work = async () => {
    for (let i = 0; i < connections; i += atOnce) {
      await Promise.all(Array.from({ length: Math.min(atOnce, connections - i) }, () => open(url, access_token)))
    }
    process.send?.('open')
  }
  void work()
})
