import { createMemoryStorage } from '@mesh/core'
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
