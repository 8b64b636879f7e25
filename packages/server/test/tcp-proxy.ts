import { connect, createServer, type AddressInfo, type Socket } from 'node:net'

/** Stands before a server, or several in turn, and can cut off whoever is behind it. */
export interface TcpProxy {
  readonly port: number
  /** Where new connections go: to each in turn. */
  targets: readonly number[]
  /** Ends every connection and takes none, until told otherwise. */
  cut(isCut: boolean): Promise<void>
  /**
   * As a network that drops packets: connections stay, but nothing gets through, an end as little as a byte; one way only
   * where that is said. What came meanwhile is passed on when it is over.
   */
  stall(isStalled: boolean, towards?: 'target' | 'client'): void
  close(): Promise<void>
}

/** @see TcpProxy */
export async function createTcpProxy(...targets: number[]): Promise<TcpProxy> {
  const open = new Set<Socket>()
  const stalled = { target: false, client: false }
  /** What is to be done once it may be, each way. */
  const held: Record<keyof typeof stalled, (() => void)[]> = { target: [], client: [] }
  let turn = 0
  let port = 0
  const proxy = createServer((client) => {
    const upstream = connect(self.targets[turn++ % self.targets.length] ?? 0, '127.0.0.1')
    for (const [socket, other, towards] of [
      [client, upstream, 'target'],
      [upstream, client, 'client'],
    ] as const) {
      const pass = (act: () => unknown) => void (stalled[towards] ? held[towards].push(act) : act())
      open.add(socket)
      socket.setNoDelay(true)
      socket.on('data', (chunk) => pass(() => other.write(chunk)))
      socket.on('error', () => {})
      socket.on('close', () => {
        open.delete(socket)
        pass(() => other.destroy())
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
    stall(isStalled, towards) {
      for (const way of towards ? [towards] : (['target', 'client'] as const)) {
        stalled[way] = isStalled
        if (!isStalled) for (const act of held[way].splice(0)) act()
      }
    },
    close: end,
  }
  return self
}
