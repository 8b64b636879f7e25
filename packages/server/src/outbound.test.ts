import { fork } from 'node:child_process'
import { once } from 'node:events'
import { createServer } from 'node:http'
import { connect, type AddressInfo } from 'node:net'
import { fileURLToPath } from 'node:url'
import { expect, onTestFinished, test } from 'vitest'
import { post } from './outbound.ts'

test('an https URL is one however it is written', async () => {
  expect(await post('HTTPS://127.0.0.1:1/', {}, '{}')).toBe('network')
})

/** A listener whose process stands still: once its short queue is full, nobody more is connected. */
async function createFullListener(): Promise<string> {
  const child = fork(fileURLToPath(new URL('../test/deaf-child.ts', import.meta.url)))
  onTestFinished(() => void child.kill('SIGKILL'))
  const port = Number((await once(child, 'message'))[0])
  child.kill('SIGSTOP')
  for (let n = 0; n < 4; n++) {
    const socket = connect(port, '127.0.0.1').on('error', () => {})
    onTestFinished(() => void socket.destroy())
  }
  return `http://127.0.0.1:${port}`
}

test('a service that nobody gets connected to is given up sooner than one that is slow to answer', async () => {
  const url = await createFullListener()
  const begun = performance.now()
  expect(await post(url, {}, '{}')).toBe('connect')
  expect(performance.now() - begun).toBeGreaterThan(2_900)
}, 20_000)

test('of a success no more is waited for than is asked for, and the connection of one without an end is closed', async () => {
  const server = createServer((_, response) => void response.writeHead(200).write('{"id": 1}'))
  onTestFinished(() => void server.close())
  await once(server.listen(0, '127.0.0.1'), 'listening')
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  const begun = performance.now()
  for (const isEnough of [undefined, (text: string) => text === '{"id": 1}']) {
    const closed = once(server, 'connection').then(([socket]: NodeJS.EventEmitter[]) => socket && once(socket, 'close'))
    expect(await post(url, {}, '{}', isEnough)).toMatchObject({ status: 200 })
    await closed
  }
  expect(performance.now() - begun).toBeLessThan(4_000)
})
