import { decode, idOf, type ClientFrame } from '../frame.ts'
import type { RemotePeer } from './remote-peer.ts'

/** Frames of peers of other nodes, about sessions that live here. */
export interface Calls {
  take(peer: RemotePeer, text: string, size: number): void
}

/** Handles them as a session does those of its own peer: one after the other, each once the one before is done. */
export function createCalls(options: {
  depth: number
  route(peer: RemotePeer, frame: ClientFrame, size: number): void | Promise<void>
}): Calls {
  const waiting = new WeakMap<RemotePeer, { text: string; size: number }[]>()

  function handle(peer: RemotePeer, text: string, size: number): void {
    let id: string | undefined
    try {
      const frame = decode(text, options.depth)
      id = frame.id
      const pending = options.route(peer, frame, size)
      if (!pending) return
      waiting.set(peer, [])
      pending.catch((error: unknown) => peer.fail(error, frame.id)).then(() => goOn(peer))
    } catch (error) {
      peer.fail(error, id ?? idOf(error))
    }
  }

  function goOn(peer: RemotePeer): void {
    const behind = waiting.get(peer) ?? []
    waiting.delete(peer)
    while (behind.length > 0 && !waiting.has(peer)) {
      const next = behind.shift()
      if (next) handle(peer, next.text, next.size)
    }
    waiting.get(peer)?.push(...behind)
  }

  return {
    take(peer, text, size) {
      const before = waiting.get(peer)
      if (before) before.push({ text, size })
      else handle(peer, text, size)
    },
  }
}
