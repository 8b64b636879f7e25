/**
 * Tells the bench where this server listens, and what it has used whenever it is asked. Memory is what is resident without
 * the pages that the heap holds in reserve: how many those are is up to chance.
 */
export function reportTo(url: string, more: object = {}): void {
  process.on('message', (wish) => {
    if (wish === 'gc') globalThis.gc?.()
    const { user, system } = process.cpuUsage()
    const { rss, heapTotal, heapUsed } = process.memoryUsage()
    process.send?.({ cpu: user + system, memory: rss - (heapTotal - heapUsed) })
  })
  process.on('disconnect', () => process.exit(0))
  process.send?.({ url, ...more })
}
