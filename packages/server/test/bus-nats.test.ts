import { randomUUID } from 'node:crypto'
import { busContract } from '@mesh/core/testing'
import { nats } from '@mesh/server/nats'
import { describe, onTestFinished, test } from 'vitest'
import { createTcpProxy } from './tcp-proxy.ts'

const url = new URL(process.env['MESH_TEST_NATS_URL'] ?? 'nats://127.0.0.1:4222')

const hasNats = await nats(url.href).then(
  async (bus) => (await bus.close(), true),
  () => false,
)
if (!hasNats) {
  const missing = 'No NATS server answers at 127.0.0.1:4222 (or MESH_TEST_NATS_URL)'
  if (process.env['CI'] === 'true') throw new Error(missing)
  process.stderr.write(`\n${missing}: the tests that need one DO NOT RUN.\n\n`)
}

describe.runIf(hasNats)('nats', () => {
  for (const { name, run } of busContract) {
    test(name, async () => {
      const proxy = await createTcpProxy(Number(url.port))
      onTestFinished(() => proxy.close())
      const prefix = `${randomUUID()}.`
      const servers = `127.0.0.1:${proxy.port}`
      // Servers that a cluster tells of would lead around the proxy.
      const connect = () => nats({ servers, ignoreClusterUpdates: true }, { prefix })
      await run({ connect, cut: proxy.cut, tellsUnheard: false })
    })
  }
})
