/**
 * Milliseconds to wait before the attempt with this number, counted from 0: anything up to 300 ms at first, up to 10 s
 * later. Full jitter, so that clients that lost the same server do not come back at the same moment.
 */
export function backoff(attempt: number, random: () => number = Math.random): number {
  return random() * Math.min(10_000, 300 * 2 ** attempt)
}
