import { createMemoryStorage, MeshError } from '@mesh/core'
import { expect, it } from 'vitest'
import { createNotifyTokens } from './tokens.ts'

it.each([
  ['empty', ''],
  ['in two words', 'two words'],
  ['on two lines', 'one\r\nX-Other: two'],
  ['beyond ASCII', 't\u00f6ken'],
  ['longer than any', 'x'.repeat(513)],
])('a token that is %s is none, and takes the place of no other', async (_, token) => {
  const tokens = createNotifyTokens({
    targets: createMemoryStorage().notifyTargets,
    seal: { seal: async (text) => text, open: async (text) => text },
    now: Date.now,
  })
  await tokens.set('usr_ben', 'AbenSecretToken')
  await expect(tokens.set('usr_ben', token)).rejects.toMatchObject({ code: 'BAD_MESSAGE' })
  expect(await tokens.tokenOf('usr_ben')).toBe('AbenSecretToken')
})

it('no token is sealed with another key than those of the others were, until they are removed', async () => {
  const { notifyTargets: targets } = createMemoryStorage()
  const withKey = (key: string) =>
    createNotifyTokens({
      targets,
      seal: {
        seal: async (text) => `${key} ${text}`,
        open: async (text) => {
          if (!text.startsWith(`${key} `)) throw new MeshError('UNAVAILABLE')
          return text.slice(key.length + 1)
        },
      },
      now: Date.now,
    })
  const [one, other] = [withKey('one'), withKey('other')]
  for (const user_id of ['usr_ann', 'usr_ben']) await one.set(user_id, 'AbenSecretToken')
  for (const user_id of ['usr_ann', 'usr_ben', 'usr_cleo']) {
    await expect(other.set(user_id, 'another')).rejects.toMatchObject({
      code: 'UNAVAILABLE',
      message: expect.stringMatching(/^The tokens of others are sealed with another notify\.key: .*[^.]$/),
    })
  }
  await one.set('usr_ben', 'SecondToken')
  expect(await one.tokenOf('usr_ben')).toBe('SecondToken')
  // The last one of its key may be set anew.
  await one.remove('usr_ann')
  await other.set('usr_ben', 'ThirdToken')
  expect(await other.tokenOf('usr_ben')).toBe('ThirdToken')
})
