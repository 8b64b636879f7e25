import { chmodSync, mkdirSync, mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { request } from 'node:http'
import { connect, createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { readConfig } from '../config.ts'
import { createMesh, type MeshServer } from '../mesh-server.ts'
import { openAdmin } from './open.ts'
import { isForeign, prepareSocketDirectory, socketPathOf } from './socket-path.ts'
import { listenAdmin } from './socket.ts'

const root = mkdtempSync(join(tmpdir(), 'mesh-admin-'))
const dataDir = join(root, 'data')
const socket = join(dataDir, 'mesh.sock')
let mesh: MeshServer

beforeAll(async () => {
  mesh = await createMesh({ dataDir })
})
afterAll(async () => {
  await mesh.close()
  rmSync(root, { recursive: true, force: true })
})

function ask(path: string, body: string, method = 'POST'): Promise<{ status: number | undefined; text: string }> {
  return new Promise((resolve, reject) => {
    const asking = request({ socketPath: socket, path, method, agent: false }, (response) => {
      let text = ''
      response.setEncoding('utf8').on('data', (chunk: string) => (text += chunk))
      response.on('end', () => resolve({ status: response.statusCode, text }))
    })
    asking.on('error', reject)
    asking.end(body)
  })
}

describe('the admin socket', () => {
  it('answers one route, in JSON, with the codes of the contract', async () => {
    const admin = await listenAdmin(mesh, dataDir)
    const listed = await ask('/admin', JSON.stringify({ operation: 'user.list', input: {} }))
    expect(listed).toEqual({ status: 200, text: '{"data":[]}' })
    expect(await ask('/admin', '', 'GET')).toMatchObject({ status: 404 })
    expect(await ask('/', '{}')).toMatchObject({ status: 404 })
    for (const body of [
      'not JSON',
      'null',
      '{}',
      '{"operation":"toString"}',
      '{"operation":"user.list","input":{"limit":1e9}}',
      '{"operation":"user.list","input":{"more":1}}',
    ]) {
      expect(await ask('/admin', body), body).toMatchObject({
        status: 400,
        text: expect.stringContaining('BAD_MESSAGE'),
      })
    }
    await admin.close()
  })

  it('takes 64 KiB and not a byte more', async () => {
    const admin = await listenAdmin(mesh, dataDir)
    const body = JSON.stringify({ operation: 'user.list', input: {} }).padEnd(64 * 1024)
    expect(await ask('/admin', body)).toMatchObject({ status: 200 })
    expect(await ask('/admin', `${body} `)).toMatchObject({ status: 413 })
    await admin.close()
  })

  it('is for its owner alone, whatever the umask', async () => {
    const mask = process.umask(0)
    const admin = await listenAdmin(mesh, dataDir)
    expect(process.umask(mask)).toBe(0)
    expect(statSync(socket).mode & 0o777).toBe(0o600)
    await admin.close()
  })

  it('marks the data directory as taken while it lives, and gives way when it is dead', async () => {
    const admin = await listenAdmin(mesh, dataDir)
    const { ctimeNs } = statSync(socket, { bigint: true })
    await expect(listenAdmin(mesh, dataDir)).rejects.toThrow(`Another server runs on the data directory ${dataDir}.`)
    expect(await ask('/admin', JSON.stringify({ operation: 'room.list', input: {} }))).toMatchObject({ status: 200 })
    // Not for a moment was it moved away.
    expect(statSync(socket, { bigint: true }).ctimeNs).toBe(ctimeNs)
    await admin.close()

    writeFileSync(socket, '')
    const next = await listenAdmin(mesh, dataDir)
    expect(statSync(socket).isSocket()).toBe(true)
    await next.close()
  })

  it('lets one of several that start at once win', async () => {
    writeFileSync(socket, '')
    const all = await Promise.allSettled(Array.from({ length: 4 }, () => listenAdmin(mesh, dataDir)))
    const won = all.filter((result) => result.status === 'fulfilled')
    expect(won).toHaveLength(1)
    for (const { value } of won) await value.close()
  })

  it('does not keep its server from stopping for a client that says nothing', async () => {
    const admin = await listenAdmin(mesh, dataDir)
    const silent = connect(socket)
    silent.on('error', () => {})
    silent.write('POST /admin HTTP/1.1\r\nhost: x\r\ncontent-length: 9\r\n\r\n{')
    // One whose request is half read; before that, it would count as idle.
    await sleep(200)
    const began = Date.now()
    await admin.close()
    expect(Date.now() - began).toBeLessThan(5_000)
  })
})

describe('the path of the socket', () => {
  it('lies in the data directory, or in a private one where that path is too long', async () => {
    expect(socketPathOf(dataDir)).toBe(socket)
    const long = join(root, 'x'.repeat(60), 'y'.repeat(60))
    expect(Buffer.byteLength(socketPathOf(long))).toBeLessThanOrEqual(100)
    expect(dirname(socketPathOf(long))).not.toBe(long)
    expect(socketPathOf(long)).not.toBe(socketPathOf(`${long}z`))

    mkdirSync(long, { recursive: true, mode: 0o700 })
    const admin = await listenAdmin(mesh, long)
    expect(statSync(dirname(socketPathOf(long))).mode & 0o777).toBe(0o700)
    const opened = await openAdmin({ config: readConfig({ env: { MESH_DATA_DIR: long }, cwd: root }) })
    expect(opened.mode).toBe('socket')
    expect(await opened.call('user.list', {})).toEqual({ data: [] })
    await opened.close()
    await admin.close()
  })

  it('is refused in a directory that others may write to', async () => {
    const open = join(root, 'open')
    mkdirSync(open)
    chmodSync(open, 0o777)
    expect(isForeign(join(open, 'a.sock'), dataDir)).toBe(true)
    expect(() => prepareSocketDirectory(join(open, 'a.sock'), dataDir)).toThrow('not a directory of this user alone')
    expect(isForeign(join(open, 'mesh.sock'), open)).toBe(false)
  })
})

describe('opening an installation', () => {
  it('goes to the database where nobody listens', async () => {
    const admin = await openAdmin({ config: readConfig({ env: { MESH_DATA_DIR: dataDir }, cwd: root }) })
    expect(admin.mode).toBe('direct')
    expect(await admin.call('room.list', {})).toEqual({ data: [] })
    await admin.close()
  })

  it('says so when the server goes away or answers nonsense', async () => {
    const other = join(root, 'other')
    mkdirSync(other)
    const server = createServer((connection) => {
      connection.on('error', () => {})
      connection.once('data', () => connection.end('HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n[]'))
    })
    await new Promise<void>((resolve) => server.listen(join(other, 'mesh.sock'), resolve))
    const admin = await openAdmin({ config: readConfig({ env: { MESH_DATA_DIR: other }, cwd: root }) })
    expect(admin.mode).toBe('socket')
    await expect(admin.call('user.list', {})).rejects.toMatchObject({ code: 'UNAVAILABLE' })
    await new Promise((resolve) => server.close(resolve))
    await expect(admin.call('user.list', {})).rejects.toMatchObject({ code: 'UNAVAILABLE' })
  })
})
