/** Tells the bench where this server listens, and how much CPU it has used whenever it is asked. */
export function reportTo(url: string, more: object = {}): void {
  process.on('message', () => {
    const { user, system } = process.cpuUsage()
    process.send?.({ cpu: user + system, rss: process.memoryUsage.rss() })
  })
  process.on('disconnect', () => process.exit(0))
  process.send?.({ url, ...more })
}
