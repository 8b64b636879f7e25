// Writes what in docs/ comes from the code: tables in Markdown, and the documents for machines. With --check it writes nothing
// and fails when one is stale.
import { mkdir, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { dirname } from 'node:path'
import { fileURLToPath } from 'node:url'
import { asyncapiDocument, frameSchemas, openapiDocument } from '@mesh/server/documents'
import { callerSection, cellSection, endSection, senderSection, tokenSection } from './docs/authorization.ts'
import { clientSection, serverSection } from './docs/events.ts'
import { restSection } from './docs/rest.ts'
import { fill } from './docs/sections.ts'
import { aclSection, closeSection, errorSection, limitSection, metricSection, settingSection } from './docs/tables.ts'
import { transcriptSection } from './docs/transcript.ts'

const docs = fileURLToPath(new URL('../docs/', import.meta.url))
const checking = process.argv.includes('--check')

const sections = new Map([
  ['client-events', clientSection()],
  ['server-events', serverSection()],
  ['errors', errorSection()],
  ['close-codes', closeSection()],
  ['limits', limitSection()],
  ['acl', aclSection()],
  ['authorization-cells', cellSection()],
  ['authorization-senders', senderSection()],
  ['authorization-tokens', tokenSection()],
  ['authorization-ends', endSection()],
  ['authorization-callers', callerSection()],
  ['rest', restSection()],
  ['settings', settingSection()],
  ['metrics', metricSection()],
  ['transcript', await transcriptSection()],
])

const text = (document: object) => `${JSON.stringify(document, null, 2)}\n`
const files = new Map([
  ['openapi.json', text(openapiDocument())],
  ['asyncapi.json', text(asyncapiDocument())],
  ...[...frameSchemas()].map(([path, schema]) => [`schemas/${path}`, text(schema)] as const),
])
for (const name of ['protocol.md', 'operations.md', 'authorization.md'])
  files.set(name, fill(String(await read(name)), sections))

for (const [name, after] of files) {
  if ((await read(name)) === after) continue
  if (checking) stale(name)
  else await write(name, after)
}
// The schema of an event that is no more.
for (const name of await readdir(`${docs}schemas`, { recursive: true }).catch(() => [])) {
  if (!name.endsWith('.json') || files.has(`schemas/${name.replaceAll('\\', '/')}`)) continue
  if (checking) stale(`schemas/${name}`)
  else await rm(`${docs}schemas/${name}`)
}

function read(name: string): Promise<string | undefined> {
  return readFile(docs + name, 'utf8').catch(() => undefined)
}

async function write(name: string, text: string): Promise<void> {
  await mkdir(dirname(docs + name), { recursive: true })
  await writeFile(docs + name, text)
  console.log(`docs/${name} written`)
}

function stale(name: string): void {
  console.error(`docs/${name} is stale: run "node tools/run.mjs docs" and commit what it writes.`)
  process.exitCode = 1
}
