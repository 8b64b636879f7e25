import { generateKeyPairSync } from 'node:crypto'
import { createMesh } from '@mesh/server'
import { afterAll, expect, it } from 'vitest'
import { createInstallation } from './run.ts'

const { run, remove, dataDir } = createInstallation()
afterAll(remove)

it('mesh-cli lists devices and revokes one', { timeout: 60_000 }, async () => {
  const created = await run(['user', 'create', 'ana', '--password-stdin', '-q'], { input: 'a password that is long\n' })
  const mesh = await createMesh({ dataDir })
  const { code } = await mesh.devices.invite(created.stdout.trim())
  const { x } = generateKeyPairSync('ed25519').publicKey.export({ format: 'jwk' })
  const { device_id } = await mesh.devices.enrol({ code, name: 'printer', public_key: String(x) })
  await mesh.close()

  const listed = JSON.parse((await run(['device', 'list', '--user', 'ana', '--json'])).stdout)
  expect(listed.data).toMatchObject([{ device_id, name: 'printer', last_seen: null }])
  expect(await run(['device', 'revoke', device_id, '-q'])).toMatchObject({ code: 0, stdout: `${device_id}\n` })
  expect((await run(['device', 'list', '-q'])).stdout).toBe('')
  expect((await run(['device', 'revoke', device_id])).code).not.toBe(0)
})
