import { mkdtemp, rm } from 'node:fs/promises'
import { connect } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { readConfig, startServer, type RunningServer } from '@mesh/server'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'

let dataDir: string
let server: RunningServer
const errors: object[] = []

beforeAll(async () => {
  dataDir = await mkdtemp(join(tmpdir(), 'mesh-unreadable-'))
  const config = readConfig({ env: { MESH_DATA_DIR: dataDir, MESH_PORT: '0' }, cwd: dataDir })
  const silent = () => {}
  const error = (fields: object) => void errors.push(fields)
  server = await startServer(config, { debug: silent, info: silent, warn: silent, error })
})

afterAll(async () => {
  await server.close()
  await rm(dataDir, { recursive: true, force: true })
})

/** Writes bytes and returns all that comes back; `hangUp` ends the connection right behind them. */
function exchange(text: string, { hangUp = false } = {}): Promise<string> {
  return new Promise((resolve) => {
    const socket = connect(Number(new URL(server.url).port), '127.0.0.1', () =>
      hangUp ? socket.end(text) : socket.write(text),
    )
    let answer = ''
    socket.on('data', (chunk) => (answer += chunk.toString()))
    socket.on('error', () => {})
    socket.on('close', () => resolve(answer))
  })
}

describe('what is no request', () => {
  it.each([
    ['no HTTP', 'hello\r\n\r\n', 400, 'BAD_MESSAGE'],
    ['a path with a space', 'GET /a b HTTP/1.1\r\nhost: x\r\n\r\n', 400, 'BAD_MESSAGE'],
    [
      'two lengths',
      'POST /version HTTP/1.1\r\nhost: x\r\ncontent-length: 1\r\ncontent-length: 2\r\n\r\na',
      400,
      'BAD_MESSAGE',
    ],
    ['headers without end', `GET /version HTTP/1.1\r\nx: ${'y'.repeat(20_000)}`, 413, 'MESSAGE_TOO_LARGE'],
  ])('is answered like any other error: %s', async (_name, text, status, code) => {
    const answer = await exchange(text)
    expect(answer).toMatch(new RegExp(`^HTTP/1.1 ${status} `))
    expect(JSON.parse(answer.slice(answer.indexOf('\r\n\r\n')))).toMatchObject({ type: 'error', code })
  })

  it('gets no answer behind one that is still to come', async () => {
    const login = JSON.stringify({ username: 'nobody', password: 'wrong wrong wrong' })
    const request = `POST /api/v1/auth/login HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\ncontent-length: ${login.length}\r\n\r\n${login}`
    expect(await exchange(`${request}garbage\r\n\r\n`)).toBe('')
  })
})

it('An expectation that nobody knows does no harm', async () => {
  expect(await exchange('GET /version HTTP/1.1\r\nhost: x\r\nexpect: tea\r\nconnection: close\r\n\r\n')).toMatch(
    /^HTTP\/1.1 200 /,
  )
})

it('A request that is broken off is no fault of the server', async () => {
  for (const framing of ['content-length: 100', 'transfer-encoding: chunked']) {
    const head = `POST /api/v1/auth/login HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\n${framing}\r\n\r\n`
    await exchange(`${head}{"user`, { hangUp: true })
  }
  await sleep(50)
  expect(errors).toEqual([])
})
