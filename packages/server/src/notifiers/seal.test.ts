import { chmod, mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, it, onTestFinished } from 'vitest'
import { openSeal } from './seal.ts'

/** A directory with a key, and what was sealed with it. */
async function setUp() {
  const directory = await mkdtemp(join(tmpdir(), 'mesh-seal-'))
  onTestFinished(() => rm(directory, { recursive: true, force: true }))
  return {
    directory,
    file: join(directory, 'notify.key'),
    sealed: await (await openSeal(directory)).seal('secret', 'ben'),
  }
}

it('is opened with the same key for the same owner, and no other', async () => {
  const { directory, file, sealed } = await setUp()
  expect(await (await openSeal(directory)).open(sealed, 'ben')).toBe('secret')
  await expect((await openSeal(directory)).open(sealed, 'ann')).rejects.toMatchObject({ code: 'UNAVAILABLE' })
  await expect((await openSeal(directory)).open(sealed.replace('v1', 'v2'), 'ben')).rejects.toMatchObject({
    code: 'UNAVAILABLE',
  })
  const key = await readFile(file)
  await rm(file)
  await (await openSeal(directory)).seal('another', 'ann')
  await expect((await openSeal(directory)).open(sealed, 'ben')).rejects.toMatchObject({ code: 'UNAVAILABLE' })
  await writeFile(file, key)
  expect(await (await openSeal(directory)).open(sealed, 'ben')).toBe('secret')
})

it.each<[string, (file: string) => Promise<void>, RegExp]>([
  ['empty', (file) => writeFile(file, ''), /holds no key/],
  ['cut', (file) => writeFile(file, 'short'), /holds no key/],
  ['open to others', (file) => chmod(file, 0o644), /chmod 600/],
])('a key file that is %s is named in one sentence, and not written over', async (_, spoil, sentence) => {
  const { directory, file, sealed } = await setUp()
  await spoil(file)
  const spoiled = await readFile(file)
  const refused = { code: 'UNAVAILABLE', message: expect.stringMatching(sentence) }
  const seal = await openSeal(directory)
  await expect(seal.seal('secret', 'ben')).rejects.toMatchObject(refused)
  await expect(seal.open(sealed, 'ben')).rejects.toMatchObject(refused)
  expect(await readFile(file)).toEqual(spoiled)
})

it('the key is there before anything is sealed, one for all who begin at once, and another never takes its place', async () => {
  const directory = await mkdtemp(join(tmpdir(), 'mesh-seal-'))
  onTestFinished(() => rm(directory, { recursive: true, force: true }))
  const seals = await Promise.all(Array.from({ length: 5 }, () => openSeal(directory)))
  const file = join(directory, 'notify.key')
  const key = await readFile(file, 'utf8')
  expect((await stat(file)).mode & 0o777).toBe(0o600)
  expect((await readdir(directory)).sort()).toEqual(['keys.lock', 'notify.key'])
  const [first, ...others] = seals
  const sealed = (await first?.seal('secret', 'ben')) ?? ''
  for (const other of others) expect(await other.open(sealed, 'ben')).toBe('secret')
  expect(await readFile(file, 'utf8')).toBe(key)
})

it('a key that was taken away is asked for, not made anew beside what it sealed', async () => {
  const { directory, file } = await setUp()
  const seal = await openSeal(directory)
  await rm(file)
  await expect(seal.seal('secret', 'ben')).rejects.toMatchObject({
    code: 'UNAVAILABLE',
    message: expect.stringMatching(/is gone/),
  })
})
