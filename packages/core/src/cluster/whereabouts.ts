import type { Peer } from '../context.ts'
import { MeshError } from '../errors.ts'
import type { Bus, Clock } from '../ports/index.ts'

/** Whom is asked for: a user, or one device of theirs. */
interface Who {
  user_id: string
  device_id?: string | undefined
}

/** Knows whether somebody is connected to any node, in a room or not. */
export interface Whereabouts {
  /**
   * Asks the other nodes where this one does not know; whoever does not answer in time does not know either.
   * @throws MeshError UNAVAILABLE where they cannot be asked
   */
  isConnected(who: Who): Promise<boolean>
  close(): void
}

/** How long the other nodes have to answer, in milliseconds. */
const answerMs = 300

/** @see Whereabouts */
export function createWhereabouts(options: {
  /** A name of this node that no other has. */
  node: string
  bus: Bus
  clock: Clock
  /** The peers of a user that this node knows of. */
  peersOf(user_id: string): Iterable<Peer>
}): Whereabouts {
  const { node, bus, clock, peersOf } = options
  const topicOf = (name: string) => `whereabouts:${name}`
  const questions = new Map<string, () => void>()
  let asked = 0

  const isKnown = ({ user_id, device_id }: Who): boolean =>
    [...peersOf(user_id)].some(
      (peer) => !peer.reconnecting && (device_id === undefined || peer.device_id === device_id),
    )

  const unsubscribe = [
    bus.subscribe('whereabouts', (message) => {
      const { who, question, from } = JSON.parse(message) as { who: Who; question: string; from: string }
      if (isKnown(who)) bus.publish(topicOf(from), question)
    }),
    bus.subscribe(topicOf(node), (question) => questions.get(question)?.()),
  ]

  return {
    async isConnected({ user_id, device_id }) {
      const who = { user_id, device_id }
      if (isKnown(who)) return true
      const { isUp, outages } = bus
      const question = String(++asked)
      const isElsewhere = await new Promise<boolean>((resolve) => {
        const answer = (isConnected: boolean) => {
          stop()
          questions.delete(question)
          resolve(isConnected)
        }
        const stop = clock.after(answerMs, () => answer(false))
        questions.set(question, () => answer(true))
        bus.publish('whereabouts', JSON.stringify({ who, question, from: node }), () => answer(false))
      })
      // Silence says nothing where the question, or the answer, may not have got through.
      if (!isElsewhere && !(isUp && bus.isUp && bus.outages === outages)) throw new MeshError('UNAVAILABLE')
      return isElsewhere
    },
    close() {
      for (const end of unsubscribe) end()
    },
  }
}
