import { execFile } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { expect, it } from 'vitest'

const run = promisify(execFile)
const script = fileURLToPath(new URL('fingerprints.ts', import.meta.url))

it('Seeds make the same histories in every process', async () => {
  const print = async () => (await run(process.execPath, [...process.execArgv, script])).stdout
  const [one, two] = await Promise.all([print(), print()])
  expect(one.trim().split('\n')).toHaveLength(10)
  expect(two).toBe(one)
})
