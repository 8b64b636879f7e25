// The release configuration, read the way the release tool reads it.
import { fileURLToPath } from 'node:url'
import { readConfig } from '@changesets/config'

const { errors = [], warnings } = await readConfig(fileURLToPath(new URL('../..', import.meta.url)))
for (const problem of [...errors, ...warnings]) console.error(`changeset.config.json: ${problem}`)
process.exitCode = errors.length + warnings.length > 0 ? 1 : 0
