import { createKeyring, generateSigningKey, issueCapability, verifyCapability } from '@mesh/core'
import { expect, it } from 'vitest'
import { createNodeKeyring } from './node-keyring.ts'

const [key, other] = [await generateSigningKey(), await generateSigningKey()]
const issuer = 'https://mesh.test'
const claims = {
  iss: issuer,
  aud: issuer,
  sub: `peer_${'p'.repeat(22)}`,
  room_id: `room_${'r'.repeat(22)}`,
  caps: ['call'],
  iat: 0,
  exp: 60,
  jti: 'j',
  mv: 1,
}

it('signs and verifies what WebCrypto verifies and signs, and does so at once', async () => {
  const [node, web] = [createNodeKeyring([key]), await createKeyring([key])]
  expect(node.jwks).toEqual(web.jwks)
  const token = issueCapability(node, claims)
  expect(token).toBe(await issueCapability(web, claims))
  expect(verifyCapability(String(token), { keys: node, issuer })).toEqual({ ...claims, kid: key.kid })
})

it('takes no signature of another key, of other claims, or of another length', () => {
  const node = createNodeKeyring([key])
  const token = String(issueCapability(node, claims))
  const [head, body, signature] = token.split('.')
  const [, otherBody] = String(issueCapability(node, { ...claims, jti: 'k' })).split('.')
  const [, , otherSignature] = String(issueCapability(createNodeKeyring([other]), claims)).split('.')
  for (const forged of [
    `${head}.${otherBody}.${signature}`,
    `${head}.${body}.${otherSignature}`,
    `${head}.${body}.AAAA`,
    `${head}.${body}.${signature}AAAA`,
  ]) {
    expect(verifyCapability(forged, { keys: node, issuer })).toBeUndefined()
  }
})
