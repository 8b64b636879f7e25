import { expect, it } from 'vitest'
import { createMemoryStorage } from '../memory/storage.ts'
import { createWorld } from '../testing/kit.ts'

it('a capability is not for somebody who is removed while the storage is asked', async () => {
  const storage = createMemoryStorage()
  const w = await createWorld({ storage })
  const b = await w.enter(w.bob)
  const { list } = storage.events
  storage.events.list = async (...of) => {
    storage.events.list = list
    await w.remove(w.bob)
    return list(...of)
  }
  const asked = await b.ask('capability.request', 'server', { room_id: w.room, caps: ['call'] })
  expect(asked.code).toBe('ACCESS_DENIED')
})
