import type { Engine, Peer } from './context.ts'

/**
 * Sends peers elsewhere, each at another time within `ms`: all at once would come back all at once. Whoever has not gone
 * by itself when the next one's time comes is closed. Resolves when all are gone.
 */
export async function drain(
  { clock, tell }: Pick<Engine, 'clock' | 'tell'>,
  peers: readonly Peer[],
  ms: number,
): Promise<void> {
  const due = (index: number) => Math.floor((ms * index) / peers.length)
  await Promise.all(
    peers.map(async (peer, index) => {
      tell(peer, 'system.draining', { reconnect_after_ms: due(index) })
      if (ms > 0) await new Promise<void>((resolve) => clock.after(due(index + 1), resolve))
      peer.close('drain')
    }),
  )
}
