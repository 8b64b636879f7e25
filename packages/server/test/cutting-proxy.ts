import { connect, createServer, type AddressInfo, type Socket } from 'node:net'

/** A TCP proxy that breaks connections off in the middle of a byte stream, or stops passing it on. */
export interface CuttingProxy {
  readonly port: number
  /** The next connection breaks off once it has passed so many bytes to the client, without a word to either end. */
  cutAfter(bytes: number): void
  close(): Promise<void>
}

/** @see CuttingProxy */
export async function createCuttingProxy(target: number): Promise<CuttingProxy> {
  const open = new Set<Socket>()
  let next = Infinity
  const server = createServer((client) => {
    let left = next
    next = Infinity
    const upstream = connect(target, '127.0.0.1')
    const cut = () => {
      client.destroy()
      upstream.destroy()
    }
    for (const socket of [client, upstream]) {
      open.add(socket)
      socket.setNoDelay(true)
      socket.on('error', cut)
      socket.on('close', () => {
        open.delete(socket)
        cut()
      })
    }
    client.on('data', (chunk) => upstream.write(chunk))
    upstream.on('data', (chunk) => {
      const passed = chunk.subarray(0, left)
      left -= passed.length
      if (left > 0) client.write(passed)
      else client.write(passed, cut)
    })
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  return {
    // It listens on TCP.
    port: (server.address() as AddressInfo).port,
    cutAfter: (bytes) => void (next = bytes),
    async close() {
      for (const socket of open) socket.destroy()
      await new Promise((resolve) => server.close(resolve))
    },
  }
}
