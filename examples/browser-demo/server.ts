import { startDemo } from './demo.ts'

const wanted = process.env['PORT']
const demo = await startDemo({ port: wanted === undefined ? 7330 : Number(wanted), exact: wanted !== undefined })

console.log(`
  Mesh demo:  ${demo.url}

  Open it in a browser and follow its two links: a chat and a video call between two tabs.
  Users, room and messages are forgotten when it stops (Ctrl-C).
`)

for (const signal of ['SIGINT', 'SIGTERM'] as const) {
  process.once(signal, () => void demo.close().then(() => process.exit(0)))
}
