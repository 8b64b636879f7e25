import { execFile } from 'node:child_process'
import { cp, mkdir, rm, stat, statfs, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { promisify } from 'node:util'
import Database from 'better-sqlite3'
import { expect, onTestFinished, test } from 'vitest'
import { startFaultyServer, type FaultyServer } from './faulty-server.ts'
import { quantile } from './nodes.ts'

const run = promisify(execFile)

/** How large the disk is: a few times what an empty installation needs. */
const diskMb = 4

/** A file system of its own for a server's data; undefined where this user may not mount one. */
async function mountDisk(folder: string): Promise<string | undefined> {
  await mkdir(folder)
  try {
    await run('mount', ['-t', 'tmpfs', '-o', `size=${diskMb}m`, 'tmpfs', folder])
  } catch {
    return undefined
  }
  onTestFinished(async () => void (await run('umount', ['-l', folder])))
  return folder
}

/** Nothing that was acknowledged is missing or there twice, and the file is whole. @returns how much is there */
async function expectWhole(server: FaultyServer, dataDir: string): Promise<number> {
  const stored = await server.stored()
  const { acknowledged } = server
  expect(acknowledged.filter((text) => !stored.includes(text))).toEqual([])
  expect(new Set(stored).size).toBe(stored.length)
  server.child.kill('SIGTERM')
  expect(await server.exited).toEqual({ code: 0, signal: null })
  const database = new Database(join(dataDir, 'mesh.db'), { readonly: true })
  expect(database.pragma('integrity_check', { simple: true })).toBe('ok')
  database.close()
  return stored.length
}

/** Ann talks until she is refused three times in a row. @returns what the refusals were, and how long the longest took */
async function talkUntilRefused({ say }: FaultyServer) {
  const refusals: { came: string; ms: number }[] = []
  for (let n = 0; refusals.length < 3; n += 1) {
    if (n === 2_000) throw new Error('The disk does not fill up')
    const { came, ms } = await say(`${n}: ${'x'.repeat(3_500)}`)
    if (came !== 'chat.message.created') refusals.push({ came, ms })
  }
  return { codes: new Set(refusals.map(({ came }) => came)), slowest: Math.max(...refusals.map(({ ms }) => ms)) }
}

/** Brings a fault about and ends it, and looks at what was promised for both. Prints the figures. */
async function faultAndBack(
  what: string,
  server: FaultyServer,
  dataDir: string,
  fault: { begin(): Promise<void>; end(): Promise<void> },
): Promise<void> {
  expect((await server.say('before')).came).toBe('chat.message.created')
  await fault.begin()
  const { codes, slowest } = await talkUntilRefused(server)
  expect(codes).toEqual(new Set(['UNAVAILABLE']))
  const signal = await expectReadOnly(server)
  await fault.end()
  const back = await server.until(200, 5_000)
  expect((await server.say('after')).came).toBe('chat.message.created')
  const stored = await expectWhole(server, dataDir)
  process.stdout.write(
    `${what}: ${server.acknowledged.length} messages acknowledged, ${stored} stored, none lost; refused within ${Math.round(slowest)} ms; ` +
      `a signal takes ${signal.toFixed(1)} ms (p99) meanwhile; ready ${Math.round(back)} ms after it is over\n`,
  )
}

/**
 * What everybody has while nothing can be written: calls go on, what is stored is read, and the server says how it is.
 * @returns how long signals take, in milliseconds
 */
async function expectReadOnly(server: FaultyServer): Promise<number> {
  await server.until(503, 5_000)
  expect((await server.ready()).checks).toMatchObject({ storage: false, accepting: true })
  expect((await fetch(`${server.url}/healthz`)).status).toBe(200)
  const stored = await server.stored()
  expect(server.acknowledged.filter((text) => !stored.includes(text))).toEqual([])
  const signals = await server.signals(
    (async () => {
      for (let n = 0; n < 50; n += 1)
        expect((await server.say(`refused ${n} ${'x'.repeat(3_500)}`)).came).toBe('UNAVAILABLE')
    })(),
  )
  expect(server.child.exitCode).toBeNull()
  // It stays so, however much that is small enough to be written comes by.
  expect((await server.ready()).status).toBe(503)
  const worst = quantile(signals, 0.99)
  expect(worst).toBeLessThan(100)
  return worst
}

test('a full disk: writes are UNAVAILABLE, all else goes on, and it is over when there is room', async ({ skip }) => {
  let disk: string | undefined
  const place = async (dataDir: string) => {
    disk = await mountDisk(join(dataDir, 'disk'))
    if (disk === undefined) return dataDir
    for (const name of ['mesh.db', 'keys.json']) await cp(join(dataDir, name), join(disk, name))
    return disk
  }
  const server = await startFaultyServer({ place })
  if (disk === undefined) {
    process.stderr.write('\nThis user may not mount a file system: the test of a full disk DOES NOT RUN.\n\n')
    return skip()
  }
  const ballast = join(disk, 'ballast')
  const { bavail, bsize } = await statfs(disk)
  await faultAndBack('a full disk', server, disk, {
    begin: () => writeFile(ballast, Buffer.alloc((bavail - 60) * bsize)),
    end: () => rm(ballast),
  })
})

test('a disk that fails to write: the same', async () => {
  let file = ''
  const place = async (dataDir: string) => {
    file = join(dataDir, 'mesh.db')
    return dataDir
  }
  const server = await startFaultyServer({ place })
  const limit = (bytes: number | 'unlimited') =>
    run('prlimit', ['--pid', String(server.child.pid), `--fsize=${bytes}:unlimited`])
  await faultAndBack('a disk that fails to write', server, dirname(file), {
    // Of the log, since that is what is written; what is in it already stays.
    begin: async () => void (await limit((await stat(`${file}-wal`)).size + 100_000)),
    end: async () => void (await limit('unlimited')),
  })
})
