import { expect, test } from 'vitest'
import type { Notice } from '../ports/index.ts'
import { createTwoNodes, quiet } from '../testing/two-nodes.ts'

/** Two nodes on one storage that tell the same service. */
async function setUp() {
  const told: Notice[] = []
  const notifier = {
    async send(notice: Notice) {
      told.push(notice)
      return { outcome: 'sent' } as const
    },
  }
  const t = await createTwoNodes({ notifier })
  return {
    ...t,
    told,
    /** Lets seconds pass, and everything happen that they bring. */
    async pass(seconds: number) {
      for (let n = 0; n < seconds; n++) {
        t.clock.advance(1_000)
        await quiet()
      }
    },
  }
}

test('of two nodes one tells, after the quiet time, and only who is connected to neither', async () => {
  const t = await setUp()
  const ann = await t.enter(t.ann)
  // In no room, and on the other node.
  await t.other.connect(t.bob)
  await ann.ask('chat.message.send', t.room, { text: 'hello' })
  await t.pass(9)
  expect(t.told).toEqual([])
  await t.pass(8)
  expect(t.told.map(({ user_id }) => user_id)).toEqual([t.cleo])
  expect(await t.storage.deliveries.list({ limit: 9 })).toEqual([])
})
