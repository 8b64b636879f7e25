// Writes the tables in docs/ that come from the code. With --check it writes nothing and fails when one is stale.
import { readFile, writeFile } from 'node:fs/promises'
import { clientSection, serverSection } from './docs/events.ts'
import { fill } from './docs/sections.ts'
import { aclSection, closeSection, errorSection, limitSection, settingSection } from './docs/tables.ts'
import { transcriptSection } from './docs/transcript.ts'

const documents = ['docs/protocol.md', 'docs/operations.md']
const root = new URL('../', import.meta.url)
const checking = process.argv.includes('--check')

const sections = new Map([
  ['client-events', clientSection()],
  ['server-events', serverSection()],
  ['errors', errorSection()],
  ['close-codes', closeSection()],
  ['limits', limitSection()],
  ['acl', aclSection()],
  ['settings', settingSection()],
  ['transcript', await transcriptSection()],
])

for (const name of documents) {
  const file = new URL(name, root)
  const before = await readFile(file, 'utf8')
  const after = fill(before, sections)
  if (before === after) continue
  if (checking) {
    console.error(`${name} is stale: run "node tools/run.mjs docs" and commit what it writes.`)
    process.exitCode = 1
  } else {
    await writeFile(file, after)
    console.log(`${name} written`)
  }
}
