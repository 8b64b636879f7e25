import assert from 'node:assert'
import { once } from 'node:events'
import { Worker } from 'node:worker_threads'
import { isMeshError } from '@mesh/core/errors'
import { expect, test, vi } from 'vitest'
import { addRoom, append, freshFile, openStorage } from './storage-files.ts'
import { letGo, spawnChild } from './storage-spawn.ts'

const codeOf = (error: unknown) => (isMeshError(error) ? error.code : error)

test('writes that come together share commits; one alone is committed at once', async () => {
  const storage = await openStorage(await freshFile(), { groupMs: 1_000 })
  await addRoom(storage, 'room_1')
  const before = storage.stats()
  const started = performance.now()
  await append(storage, 'room_1', 'alone')
  expect(performance.now() - started).toBeLessThan(500)
  expect(storage.stats()).toEqual({ writes: before.writes + 1, commits: before.commits + 1 })

  await Promise.all(Array.from({ length: 64 }, (_, n) => append(storage, 'room_1', `e${n}`)))
  const after = storage.stats()
  expect(after.writes - before.writes).toBe(65)
  expect(after.commits - before.commits).toBeLessThanOrEqual(4)
})

test('a commit takes in no more requests than allowed', async () => {
  const storage = await openStorage(await freshFile(), { groupRequests: 8, groupMs: 10_000 })
  await addRoom(storage, 'room_1')
  const { commits } = storage.stats()
  await Promise.all(Array.from({ length: 64 }, (_, n) => append(storage, 'room_1', `e${n}`)))
  expect(storage.stats().commits - commits).toBeGreaterThanOrEqual(8)
})

test('another process with the lock delays the write, and neither the event loop nor reads', async () => {
  const file = await freshFile()
  const storage = await openStorage(file)
  await addRoom(storage, 'room_1')
  const holder = spawnChild('hold', file)
  await letGo(holder)
  await once(holder, 'message')

  let longest = 0
  let last = performance.now()
  const timer = setInterval(() => {
    longest = Math.max(longest, performance.now() - last)
    last = performance.now()
  }, 5)
  const started = performance.now()
  const write = append(storage, 'room_1', 'e2')
  expect((await storage.rooms.find('room_1'))?.seq).toBe(1)
  expect(performance.now() - started).toBeLessThan(300)
  expect((await write).outcome).toBe('appended')
  clearInterval(timer)
  expect(performance.now() - started).toBeGreaterThan(500)
  expect(longest).toBeLessThan(300)
})

test('a lock held past the timeout makes writes and readiness UNAVAILABLE until it is let go', async () => {
  const file = await freshFile()
  const storage = await openStorage(file, { busyTimeoutMs: 50 })
  await addRoom(storage, 'room_1')
  const holder = spawnChild('hold', file)
  const exit = once(holder, 'exit')
  await letGo(holder)
  await once(holder, 'message')
  expect(await append(storage, 'room_1', 'e2').catch(codeOf)).toBe('UNAVAILABLE')
  expect(await storage.ready().catch(codeOf)).toBe('UNAVAILABLE')
  await exit
  await storage.ready()
  expect(await append(storage, 'room_1', 'e2')).toMatchObject({ outcome: 'appended', event: { seq: 2 } })
})

test('a full disk is UNAVAILABLE, loses nothing that was acknowledged, and is over when there is room again', async () => {
  const storage = await openStorage(await freshFile(), { maxBytes: 400_000 })
  await addRoom(storage, 'room_1')
  await addRoom(storage, 'room_2').catch(() => {})
  let written = 1
  let refusal: unknown
  while (refusal === undefined && written < 100) {
    try {
      await append(storage, 'room_1', `e${written}`, 'x'.repeat(20_000))
      written += 1
    } catch (error) {
      refusal = error
    }
  }
  expect(codeOf(refusal)).toBe('UNAVAILABLE')
  // What is small still fits, which makes nobody ready for the rest.
  expect((await append(storage, 'room_1', 'small')).outcome).toBe('appended')
  written += 1
  expect(await storage.ready().catch(codeOf)).toBe('UNAVAILABLE')
  expect(await storage.events.list('room_1', { after: 0, limit: 1_000 })).toHaveLength(written)
  expect(await storage.rooms.delete('room_1')).toBe(true)
  expect((await append(storage, 'room_2', 'e', 'x'.repeat(20_000))).outcome).toBe('appended')
})

test('when the writer thread dies its writes are UNAVAILABLE, and a fresh one takes the next', async () => {
  const storage = await openStorage(await freshFile())
  await addRoom(storage, 'room_1')
  const posted = vi.spyOn(Worker.prototype, 'postMessage')
  const lost = append(storage, 'room_1', 'lost').catch(codeOf)
  await vi.waitFor(() => expect(posted).toHaveBeenCalled(), { interval: 1 })
  const [thread] = posted.mock.contexts
  posted.mockRestore()
  assert(thread instanceof Worker)
  await thread.terminate()
  // It may have been committed just before; what it may not do is hang.
  const answer = await lost
  expect(answer === 'UNAVAILABLE' || typeof answer === 'object').toBe(true)
  await storage.ready()
  expect((await append(storage, 'room_1', 'next')).outcome).toBe('appended')
})

test('more writes than may wait are UNAVAILABLE at once; those that wait come through', async () => {
  const storage = await openStorage(await freshFile(), { maxPending: 10 })
  await addRoom(storage, 'room_1')
  const results = await Promise.allSettled(Array.from({ length: 15 }, (_, n) => append(storage, 'room_1', `e${n}`)))
  expect(results.map(({ status }) => status)).toEqual([
    ...Array.from({ length: 10 }, () => 'fulfilled'),
    ...Array.from({ length: 5 }, () => 'rejected'),
  ])
})

test('reads in a loop without end leave everything else its turn', async () => {
  const storage = await openStorage(await freshFile())
  await addRoom(storage, 'room_1')
  let over = false
  setTimeout(() => (over = true), 20)
  const deadline = performance.now() + 5_000
  while (!over && performance.now() < deadline) await storage.rooms.find('room_1')
  expect(over).toBe(true)
})
