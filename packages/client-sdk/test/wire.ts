import { connect, createServer } from 'node:net'
import type { AddressInfo, Socket } from 'node:net'
import { once } from 'node:events'
import type { TestServer } from './serve.ts'
import { after } from './world.ts'

/** A network between clients and a server: what is on the way takes its time, and is lost when a connection is cut. */
export interface Wire {
  readonly url: string
  /** Cuts one of the open connections, or says that there is none. */
  cut(which?: (open: number) => number): boolean
  /** Connections stay open, but nothing comes through any more; those to come are not concerned. */
  stall(): void
}

/** Lays a wire that ends with the test. `delayMs` is how long each piece is on the way. */
export async function lay(server: TestServer, delayMs: () => number = () => 0): Promise<Wire> {
  const open = new Set<{ cut(): void; stall(): void }>()
  const far = createServer((near) => {
    const onward = connect(Number(new URL(server.url).port), '127.0.0.1')
    const ends: [Socket, Socket] = [near, onward]
    const connection = {
      cut() {
        open.delete(connection)
        for (const end of ends) end.destroy()
      },
      stall() {
        for (const end of ends) end.removeAllListeners('data')
      },
    }
    open.add(connection)
    for (const [from, to] of [ends, ends.toReversed() as [Socket, Socket]]) {
      let line: Promise<unknown> = Promise.resolve()
      from.on('error', () => undefined)
      from.on('close', connection.cut)
      from.on('data', (piece) => {
        const delay = new Promise((resolve) => setTimeout(resolve, delayMs()))
        line = Promise.all([line, delay]).then(() => to.destroyed || to.write(piece))
      })
    }
  }).listen(0, '127.0.0.1')
  await once(far, 'listening')
  after(async () => {
    far.close()
    for (const { cut } of open) cut()
  })
  return {
    url: `ws://127.0.0.1:${(far.address() as AddressInfo).port}/ws`,
    cut(which = () => 0) {
      const found = [...open][which(open.size)]
      found?.cut()
      return found !== undefined
    },
    stall() {
      for (const { stall } of open) stall()
    },
  }
}
