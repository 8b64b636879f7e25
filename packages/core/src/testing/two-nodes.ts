import { createMemoryBusLine } from '../memory/bus.ts'
import { createMemoryStorage } from '../memory/storage.ts'
import { createKeyring, generateSigningKey } from '../tokens/keys.ts'
import { createWorld, join, unhurried } from './kit.ts'
import { createManualClock } from './manual-clock.ts'
import { createTestMesh, type TestClient, type TestMesh, type TestMeshOptions } from './test-mesh.ts'

/** Lets everything happen that is under way on any node. */
export async function quiet(): Promise<void> {
  for (let i = 0; i < 10; i++) await new Promise<void>((resolve) => setTimeout(resolve, 0))
}

/** Lets seconds pass, and everything happen that they bring. */
export const passer = (clock: { advance(ms: number): void }) => async (seconds: number) => {
  for (let n = 0; n < seconds; n++) {
    clock.advance(1_000)
    await quiet()
  }
}

/**
 * Two engines on one storage and one bus, with the room and the users of `createWorld`. What the first one is asked for is
 * asked of the whole; `other` is the second one.
 */
export async function createTwoNodes(options: TestMeshOptions = {}) {
  const line = createMemoryBusLine()
  const storage = createMemoryStorage()
  const capabilityKeys = await createKeyring([await generateSigningKey()])
  const clock = createManualClock()
  const shared = { storage, capabilityKeys, clock, limits: options.limits ?? unhurried }
  const one = await createWorld({ ...options, ...shared, bus: line.connect() })
  const other: TestMesh = await createTestMesh({ ...options, ...shared, bus: line.connect() })
  await quiet()
  return {
    ...one,
    clock,
    line,
    other,
    /** Connects to the other node and joins the room. */
    async enterOther(user_id: string, of?: Parameters<TestMesh['connect']>[1]): Promise<TestClient> {
      const client = await other.connect(user_id, of)
      await join(client, one.room)
      await quiet()
      return client
    },
  }
}
