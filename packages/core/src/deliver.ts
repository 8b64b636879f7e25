import type { LiveRoom, Outbound, Peer } from './context.ts'

/** Sends one frame to several peers; what a transport made of its text is of no use to anybody after that. */
export function deliver(frame: Outbound, receivers: Iterable<Peer>): void {
  for (const peer of receivers) peer.send(frame)
  frame.wire = undefined
}

/** A frame about the connection itself, or an error in answer to its client: it comes through even where access has run out. */
export function systemFrame(text: string): Outbound {
  return { ...eventFrame(text), kind: 'system' }
}

/** A frame that is never left out. */
export function eventFrame(text: string, room?: LiveRoom): Outbound {
  return { text, wire: undefined, kind: 'event', room, from: undefined, id: undefined }
}
