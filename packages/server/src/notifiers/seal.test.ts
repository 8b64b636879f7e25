import { chmod, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, it, onTestFinished } from 'vitest'
import { createSeal } from './seal.ts'

/** A directory with a key, and what was sealed with it. */
async function setUp() {
  const directory = await mkdtemp(join(tmpdir(), 'mesh-seal-'))
  onTestFinished(() => rm(directory, { recursive: true, force: true }))
  return { directory, file: join(directory, 'notify.key'), sealed: await createSeal(directory).seal('secret', 'ben') }
}

it('is opened with the same key for the same owner, and no other', async () => {
  const { directory, file, sealed } = await setUp()
  expect(await createSeal(directory).open(sealed, 'ben')).toBe('secret')
  await expect(createSeal(directory).open(sealed, 'ann')).rejects.toMatchObject({ code: 'UNAVAILABLE' })
  await expect(createSeal(directory).open(sealed.replace('v1', 'v2'), 'ben')).rejects.toMatchObject({
    code: 'UNAVAILABLE',
  })
  const key = await readFile(file)
  await rm(file)
  await createSeal(directory).seal('another', 'ann')
  await expect(createSeal(directory).open(sealed, 'ben')).rejects.toMatchObject({ code: 'UNAVAILABLE' })
  await writeFile(file, key)
  expect(await createSeal(directory).open(sealed, 'ben')).toBe('secret')
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
  const seal = createSeal(directory)
  await expect(seal.seal('secret', 'ben')).rejects.toMatchObject(refused)
  await expect(seal.open(sealed, 'ben')).rejects.toMatchObject(refused)
  expect(await readFile(file)).toEqual(spoiled)
})
