/**
 * Tells the bench where this server listens, and what it has used whenever it is asked. Memory is what V8 holds for it, on
 * the heap and beside it; what libuv and the kernel hold for a socket is the same for every server, and how many free pages
 * the process keeps, which the resident size would show, is up to chance.
 */
export function reportTo(url: string, more: object = {}): void {
  process.on('message', (wish) => {
    if (wish === 'gc') globalThis.gc?.()
    const { user, system } = process.cpuUsage()
    const { heapUsed, external } = process.memoryUsage()
    process.send?.({ cpu: user + system, memory: heapUsed + external })
  })
  process.on('disconnect', () => process.exit(0))
  process.send?.({ url, ...more })
}
