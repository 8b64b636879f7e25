import { execFile } from 'node:child_process'
import { cp, mkdtemp, readFile, rm, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import * as v from 'valibot'
import { frameSchemas, jsonSchemaOf, type JsonSchema } from '@mesh/server/documents'
import { Ajv2020 } from 'ajv/dist/2020.js'
import formats from 'ajv-formats'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { clientSection, serverSection } from './events.ts'
import { fieldsOf } from './schema.ts'
import { fill, sectionsOf, table } from './sections.ts'
import { recordCall, transcriptSection } from './transcript.ts'

const root = fileURLToPath(new URL('../../', import.meta.url))
const run = promisify(execFile)
let copy: string

// The tool as it is, beside documents of its own.
beforeAll(async () => {
  copy = await mkdtemp(join(tmpdir(), 'mesh-docs-'))
  await cp(join(root, 'docs'), join(copy, 'docs'), { recursive: true })
  await cp(join(root, 'tools/docs'), join(copy, 'tools/docs'), { recursive: true })
  await cp(join(root, 'tools/docs.ts'), join(copy, 'tools/docs.ts'))
  await cp(join(root, 'package.json'), join(copy, 'package.json'))
  await symlink(join(root, 'node_modules'), join(copy, 'node_modules'))
})
afterAll(() => rm(copy, { recursive: true, force: true }))

const docs = (...args: string[]) =>
  run(process.execPath, ['--conditions=@mesh/source', join(copy, 'tools/docs.ts'), ...args])

test('the schema of an event that is no more goes, and one that is missing comes', async () => {
  await docs()
  await writeFile(join(copy, 'docs/schemas/client/gone.json'), '{}')
  await rm(join(copy, 'docs/schemas/server/error.json'))
  await expect(docs('--check')).rejects.toMatchObject({
    stderr: expect.stringMatching(/schemas\/server\/error\.json is stale[^]+schemas\/client\/gone\.json is stale/),
  })
  await docs()
  await expect(docs('--check')).resolves.toMatchObject({ stderr: '' })
}, 30_000)

test('a stale document fails the check by name, and is written anew', async () => {
  await docs()
  await expect(docs('--check')).resolves.toMatchObject({ stderr: '' })

  const file = join(copy, 'docs/operations.md')
  const good = await readFile(file, 'utf8')
  await writeFile(file, good.replace('`7330`', '`7331`'))
  await expect(docs('--check')).rejects.toMatchObject({
    code: 1,
    stderr: expect.stringMatching(/^docs\/operations\.md is stale: [^\n]+\.\n$/),
  })
  expect(await readFile(file, 'utf8')).toContain('`7331`')

  await docs()
  expect(await readFile(file, 'utf8')).toBe(good)
}, 30_000)

test('the documents leave no section out', async () => {
  const names = ['protocol.md', 'operations.md', 'authorization.md'].map(async (name) =>
    sectionsOf(await readFile(join(root, 'docs', name), 'utf8')),
  )
  expect((await Promise.all(names)).flat().toSorted()).toEqual([
    'acl',
    'authorization-callers',
    'authorization-cells',
    'authorization-ends',
    'authorization-senders',
    'authorization-tokens',
    'client-events',
    'close-codes',
    'errors',
    'limits',
    'metrics',
    'rest',
    'server-events',
    'settings',
    'transcript',
  ])
})

test('a marker with an unknown name is refused', () => {
  expect(() => fill('<!-- generated: nobody -->\n<!-- /generated -->', new Map())).toThrow('nobody')
})

test('bounds are said in words', () => {
  const payload = v.strictObject({
    text: v.pipe(v.string(), v.minLength(1), v.maxLength(4096)),
    note: v.optional(v.string()),
    life: v.optional(v.pipe(v.number(), v.safeInteger(), v.minValue(60), v.maxValue(180))),
    who: v.array(v.strictObject({ role: v.picklist(['owner', 'guest']) })),
    end: v.nullable(v.boolean()),
  })
  expect(fieldsOf(jsonSchemaOf(payload, 'client'))).toEqual([
    { name: 'text', type: 'string, 1 to 4,096 characters' },
    { name: 'note?', type: 'string' },
    { name: 'life?', type: 'integer, 60 to 180' },
    { name: 'who', type: 'array of objects' },
    { name: 'who[].role', type: '`owner`, `guest`' },
    { name: 'end', type: 'boolean, or null' },
  ])
})

test('a keyword without words is refused, and not left out', () => {
  for (const schema of [
    { type: 'number', multipleOf: 2 },
    { type: 'string', format: 'email' },
    { type: 'tuple' },
    {},
  ]) {
    expect(() => fieldsOf({ properties: { field: schema as JsonSchema } })).toThrow('no words')
  }
})

test('a bar in a cell does not end it', () => {
  expect(table(['a'], [['x|y']])).toBe('| a |\n| --- |\n| x\\|y |')
})

test('every event has its place and its link', () => {
  for (const section of [clientSection(), serverSection()]) {
    const targets = [...section.matchAll(/\(#([\w-]+)\)/g)].map(([, anchor]) => anchor)
    expect(targets.length).toBeGreaterThan(10)
    for (const anchor of targets) expect(section).toContain(`<a id="${anchor}"></a>`)
  }
})

test('the transcript is a whole call, the same every time, without a token', async () => {
  const text = await transcriptSection()
  expect(await transcriptSection()).toBe(text)
  for (const type of [
    'system.welcome',
    'room.joined',
    'capability.granted',
    'rtc.offer',
    'rtc.answer',
    'rtc.ice',
    'rtc.bye',
  ]) {
    expect(text).toContain(`"type":"${type}"`)
  }
  expect(text).not.toMatch(/eyJ\w/)
})

test('frames of the engine and of its clients are as the published schemas say', async () => {
  const ajv = new Ajv2020({ strictTypes: false })
  // The plugin's types are those of a CommonJS module, whose default is the function itself.
  const addFormats = formats as unknown as (ajv: Ajv2020) => void
  addFormats(ajv)
  for (const [path, schema] of frameSchemas()) ajv.addSchema({ ...schema } as object, path)
  for (const { way, frame } of await recordCall()) {
    const path = `${way === '->' ? 'client' : 'server'}/${frame.type}.json`
    expect(ajv.validate(path, frame), `${path}: ${ajv.errorsText()}`).toBe(true)
  }
})
