import { MeshError } from '@mesh/core/errors'
import type { Connections } from './connections.ts'

/**
 * Lends at most so many connections at once, in the order in which they were asked for, so that some are left for whoever
 * does not go through here.
 *
 * @param waitMs How long one is waited for, in milliseconds; after that MeshError UNAVAILABLE
 */
export function shareOf(connections: Connections, most: number, waitMs: number): Connections {
  const waiting = new Set<() => void>()
  let lent = 0

  const turn = () =>
    new Promise<void>((resolve, reject) => {
      const begin = () => {
        waiting.delete(begin)
        clearTimeout(late)
        resolve()
      }
      const late = setTimeout(() => {
        waiting.delete(begin)
        reject(new MeshError('UNAVAILABLE', 'The database does not keep up'))
      }, waitMs)
      waiting.add(begin)
    })

  async function inTurn<T>(work: () => Promise<T>): Promise<T> {
    if (lent < most) lent += 1
    // Whoever is done hands its place on.
    else await turn()
    try {
      return await work()
    } finally {
      const [next] = waiting
      if (next) next()
      else lent -= 1
    }
  }

  return {
    use: (run) => inTurn(() => connections.use(run)),
    transact: (run) => inTurn(() => connections.transact(run)),
  }
}
