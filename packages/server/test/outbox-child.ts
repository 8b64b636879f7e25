// A node that delivers, for the tests of the outbox: `<data directory> <database> <Gotify>`. It says how many notifications it
// has sent whenever it is asked.
import { createMesh } from '@mesh/server'
import { gotify } from '@mesh/server/gotify'
import { postgres } from '@mesh/server/postgres'

const [, , dataDir = '', databaseUrl = '', url = ''] = process.argv

const mesh = await createMesh({
  dataDir,
  storage: await postgres(databaseUrl),
  notifier: gotify({ url }),
  deliveries: { quietMs: 0, pollMs: 20, claimMs: 2_000, retryMs: { first: 50, longest: 50 } },
})
process.on('message', () => process.send?.(mesh.engine.stats().counts.notifications.counts.get('sent')))
process.on('disconnect', () => process.exit())
process.send?.('ready')
