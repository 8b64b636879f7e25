import { once } from 'node:events'
import type { Server } from 'node:http'

/** How many ports to try. */
const attempts = 20

/**
 * Listens on the loopback interface, at this port or, unless it must be `exact`, at the next free one.
 * @throws Error EADDRINUSE when none is free
 */
export async function listen(server: Server, port: number, exact: boolean): Promise<void> {
  for (let attempt = 0; ; attempt++) {
    try {
      server.listen(port + attempt, '127.0.0.1')
      await once(server, 'listening')
      return
    } catch (error) {
      const taken = error instanceof Error && 'code' in error && error.code === 'EADDRINUSE'
      if (exact || !taken || attempt >= attempts) throw error
    }
  }
}
