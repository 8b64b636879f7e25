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

test.each<[string, number, string, ((text: string) => boolean)?]>([
  ['a success that has only begun', 200, ''],
  ['a success that says enough', 200, '{"id": 1}', (text) => text === '{"id": 1}'],
  ['a failure, whatever it says', 500, '', () => false],
])('the end of %s is not waited for, and its connection is closed', async (_, status, text, isEnough) => {
  const server = createServer((_, response) => {
    response.writeHead(status).flushHeaders()
    if (text !== '') response.write(text)
  })
  onTestFinished(() => void server.close())
  await once(server.listen(0, '127.0.0.1'), 'listening')
  const closed = once(server, 'connection').then(([socket]: NodeJS.EventEmitter[]) => socket && once(socket, 'close'))
  const begun = performance.now()
  const { port } = server.address() as AddressInfo
  expect(await post(`http://127.0.0.1:${port}`, {}, '{}', isEnough)).toMatchObject({ status })
  await closed
  expect(performance.now() - begun).toBeLessThan(4_000)
})
