import { connect, createServer, type AddressInfo, type Socket } from 'node:net'

/** Stands before a server, or several in turn, and can cut off whoever is behind it. */
export interface TcpProxy {
  readonly port: number
  /** Where new connections go: to each in turn. */
  targets: readonly number[]
  /** Ends every connection and takes none, until told otherwise. */
  cut(isCut: boolean): Promise<void>
  /** Takes connections and bytes but passes nothing on, until told otherwise. */
  stall(isStalled: boolean): void
  close(): Promise<void>
}

/** @see TcpProxy */
export async function createTcpProxy(...targets: number[]): Promise<TcpProxy> {
  const open = new Set<Socket>()
  let turn = 0
  let isStalled = false
  let port = 0
  const proxy = createServer((client) => {
    const upstream = connect(self.targets[turn++ % self.targets.length] ?? 0, '127.0.0.1')
    for (const [socket, other] of [
      [client, upstream],
      [upstream, client],
    ] as const) {
      open.add(socket)
      socket.setNoDelay(true)
      socket.on('data', (chunk) => {
        if (!isStalled) other.write(chunk)
      })
      socket.on('error', () => {})
      socket.on('close', () => {
        open.delete(socket)
        other.destroy()
      })
    }
  })
  const listen = () => new Promise<void>((resolve) => proxy.listen(port, '127.0.0.1', resolve))
  async function end(): Promise<void> {
    const closed = new Promise((resolve) => proxy.close(resolve))
    for (const socket of open) socket.destroy()
    await closed
  }
  await listen()
  // It listens on TCP.
  port = (proxy.address() as AddressInfo).port
  const self: TcpProxy = {
    port,
    targets,
    cut: (isCut) => (isCut ? end() : listen()),
    stall: (wanted) => void (isStalled = wanted),
    close: end,
  }
  return self
}
