import { execFile } from 'node:child_process'
import { cp, mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { afterAll, beforeAll, expect, test } from 'vitest'

const root = fileURLToPath(new URL('../..', import.meta.url))
const packages = ['core', 'server', 'client-sdk', 'cli']

/** A small house that keeps every rule: file -> source. */
const sound: Record<string, string> = {
  'packages/core/src/index.ts': `export { a } from './chat/handlers.ts'`,
  'packages/core/src/errors.ts': `export const errors = 1`,
  'packages/core/src/define.ts': `export { string } from 'valibot'`,
  'packages/core/src/context.ts': `export interface Context { now: number }`,
  'packages/core/src/ports/index.ts': `export interface Storage { now: number }`,
  'packages/core/src/protocol.ts': `export { a } from './chat/events.ts'\nexport { string } from 'valibot'`,
  'packages/core/src/chat/events.ts': `import { string } from 'valibot'\nimport '../define.ts'\nexport const a = string`,
  'packages/core/src/chat/state.ts': `export const state = 1`,
  'packages/core/src/chat/handlers.ts': `import type { Context } from '../context.ts'
import type { Storage } from '../ports/index.ts'
import type { b } from '../tokens/index.ts'
import { errors } from '../errors.ts'
import { a } from './events.ts'
import { state } from './state.ts'
export { a, errors, state, type b, type Context, type Storage }`,
  'packages/core/src/chat/handlers.test.ts': `import 'node:fs'\nimport 'vitest'\nimport './handlers.ts'`,
  'packages/core/src/tokens/index.ts': `export { b } from 'jose'`,
  'packages/core/src/testing/index.ts': `import '../memory/index.ts'`,
  'packages/core/src/memory/index.ts': `import type { Storage } from '../ports/index.ts'\nexport type { Storage }`,
  'packages/server/src/index.ts': `import 'node:http'\nimport 'ws'\nimport 'hono'\nimport '@mesh/core'\nimport '@mesh/core/tokens'`,
  'packages/server/src/storage/sqlite/index.ts': `import 'kysely'\nimport 'better-sqlite3'`,
  'packages/server/test/journey.test.ts': `import '@mesh/server'\nimport '@mesh/client-sdk'`,
  'packages/client-sdk/src/index.ts': `import '@mesh/core/protocol'\nimport '@mesh/core/errors'`,
  'packages/client-sdk/src/webrtc/index.ts': `import '../index.ts'`,
  'packages/client-sdk/src/node/index.ts': `import 'node:fs'`,
  'packages/cli/src/cli.ts': `import '@mesh/core'\nimport '@mesh/server'\nimport 'commander'`,
  'packages/cli/src/share.ts': `import '@mesh/client-sdk'`,
  'examples/demo/server.ts': `import '@mesh/server'\nimport '@mesh/client-sdk/webrtc'`,
  'examples/demo/package.json': `{}`,
  'tools/protocol-suite/wire.ts': `import 'node:crypto'\nimport 'ws'\nimport 'jose'`,
}

/** Violations: a rule, and a file whose source breaks it. */
const planted: [rule: string, file: string, source: string][] = [
  ['resolvable', 'packages/server/src/nowhere.ts', `import './gone.ts'`],
  ['declared-dependency', 'packages/server/src/undeclared.ts', `import 'commander'`],
  ['events-stay-plain', 'packages/core/src/rooms/events.ts', `import type {} from '../context.ts'`],
  ['events-stay-plain', 'packages/core/src/rtc/events.ts', `import 'jose'`],
  ['handlers-get-everything-through-ctx', 'packages/core/src/p2p/handlers.ts', `import '../context.ts'`],
  ['handlers-know-no-adapter', 'packages/core/src/rooms/handlers.ts', `import type {} from '../memory/index.ts'`],
  ['handlers-know-no-adapter', 'packages/core/src/rtc/handlers.ts', `import type {} from 'valibot'`],
  ['handlers-know-no-adapter', 'packages/core/src/terminal/handlers.ts', `import type {} from '../chat/state.ts'`],
  ['areas-stay-apart', 'packages/core/src/presence/state.ts', `import type {} from '../chat/state.ts'`],
  ['core-imports-no-builtin', 'packages/core/src/builtin.ts', `import type {} from 'node:fs'`],
  ['core-imports-no-builtin', 'packages/core/src/bare-builtin.ts', `import 'fs'`],
  ['declared-dependency', 'packages/core/src/other.ts', `import 'ws'`],
  ['core-needs-valibot-and-jose', 'packages/core/src/other.ts', `import 'ws'`],
  ['server-without-client-sdk', 'packages/server/src/sdk.ts', `import type {} from '@mesh/client-sdk'`],
  ['sdk-imports-the-protocol-only', 'packages/client-sdk/src/root.ts', `import type {} from '@mesh/core'`],
  ['sdk-imports-the-protocol-only', 'packages/client-sdk/src/server.ts', `import '@mesh/server'`],
  ['sdk-imports-no-builtin', 'packages/client-sdk/src/builtin.ts', `import 'node:fs'`],
  ['cli-without-client-sdk', 'packages/cli/src/user.ts', `import '@mesh/client-sdk'`],
  ['suite-knows-the-wire-only', 'tools/protocol-suite/cases/chat.ts', `import type {} from '@mesh/core'`],
  ['other-packages-by-name', 'packages/server/src/inside.ts', `import '../../core/src/context.ts'`],
  ['other-packages-by-name', 'examples/demo/inside.ts', `import '../../packages/server/src/sdk-free.ts'`],
  ['other-packages-by-name', 'examples/demo/path.ts', `import '../../packages/core/src/index.ts'`],
  ['end-to-end-by-entry-point', 'packages/server/test/inside.test.ts', `import '../src/index.ts'`],
]

let house = ''
const write = async (file: string, source: string): Promise<void> => {
  await mkdir(dirname(join(house, file)), { recursive: true })
  await writeFile(join(house, file), `${source}\n`)
}

/** Runs the very check that CI runs; resolves to `rule file` lines, sorted and each once. */
async function violations(): Promise<string[]> {
  const cli = join(root, 'node_modules/dependency-cruiser/bin/dependency-cruiser.mjs')
  const config = join(root, 'tools/imports.config.mjs')
  const args = [cli, '--config', config, '--output-type', 'json', 'packages', 'examples', 'tools']
  const { stdout } = await promisify(execFile)(process.execPath, args, { cwd: house, maxBuffer: 1 << 24 }).catch(
    (error: { stdout: string }) => error,
  )
  const { summary } = JSON.parse(stdout) as { summary: { violations: { from: string; rule: { name: string } }[] } }
  return [...new Set(summary.violations.map(({ from, rule }) => `${rule.name} ${from}`))].toSorted()
}

beforeAll(async () => {
  house = await mkdtemp(join(tmpdir(), 'mesh-imports-'))
  for (const [file, source] of Object.entries(sound)) await write(file, source)
  await write('packages/server/src/sdk-free.ts', '')
  await mkdir(join(house, 'node_modules/@mesh'), { recursive: true })
  for (const name of packages) {
    await cp(join(root, 'packages', name, 'package.json'), join(house, 'packages', name, 'package.json'))
    await symlink(`../../packages/${name}`, join(house, 'node_modules/@mesh', name))
  }
  const stubs = ['valibot', 'jose', 'vitest', 'ws', 'hono', 'kysely', 'better-sqlite3', 'commander']
  for (const name of stubs) {
    await write(`node_modules/${name}/package.json`, JSON.stringify({ name, version: '1.0.0', main: 'index.js' }))
    await write(`node_modules/${name}/index.js`, '')
  }
})
afterAll(() => rm(house, { recursive: true, force: true }))

test('a house that keeps the import table is clean', async () => {
  expect(await violations()).toEqual([])
})

test('each planted violation is found, and nothing else', async () => {
  for (const [, file, source] of planted) await write(file, source)
  expect(await violations()).toEqual(planted.map(([rule, file]) => `${rule} ${file}`).toSorted())
})

test('the event table must not import or reach a handler', async () => {
  for (const [, file] of planted) await rm(join(house, file), { force: true })
  await write('packages/core/src/protocol.ts', `import './context.ts'`)
  await write('packages/core/src/context.ts', `import './chat/reach.ts'`)
  await write('packages/core/src/chat/reach.ts', `import type {} from './deep/handlers.ts'`)
  await write('packages/core/src/chat/deep/handlers.ts', `export {}`)
  expect(await violations()).toEqual([
    'table-imports-events packages/core/src/protocol.ts',
    'table-reaches-no-handler packages/core/src/protocol.ts',
  ])
})

test('a cycle of types alone is a cycle', async () => {
  await write('packages/core/src/protocol.ts', `export {}`)
  await write('packages/core/src/context.ts', `export interface Context { now: number }`)
  await write('packages/server/src/a.ts', `import type { B } from './b.ts'\nexport interface A { b: B }`)
  await write('packages/server/src/b.ts', `import type { A } from './a.ts'\nexport interface B { a: A }`)
  expect(await violations()).toEqual(['no-cycles packages/server/src/a.ts'])
})
