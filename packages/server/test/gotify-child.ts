// The Gotify server in a process of its own, for the tests of other packages: `<token>`. It says where it is, and then answers each
// message, which is how to behave from now on, with what it has taken.
import type { ServiceMode } from '@mesh/core/testing'
import { createGotifyServer } from './gotify-server.ts'

const service = await createGotifyServer(process.argv[2] ?? '')
process.on('message', (mode) => {
  // The test's own word.
  service.mode = mode as ServiceMode
  const { messages, faults } = service
  process.send?.({ messages, faults })
})
process.on('disconnect', () => process.exit())
process.send?.(service.url)
