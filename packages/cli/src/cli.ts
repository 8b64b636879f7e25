import { readFileSync } from 'node:fs'
import { CommanderError } from 'commander'
import { exitCodes } from './exit-codes.ts'
import { createProgram } from './program.ts'
import { renderReport, reportOf } from './report.ts'

// From src as from dist, the package's own folder is one up.
const { version } = JSON.parse(readFileSync(new URL('../package.json', import.meta.url), 'utf8')) as { version: string }
const program = createProgram(version)

// A reader that has seen enough, such as head, is no fault.
process.stdout.on('error', (error) => {
  if ('code' in error && error.code === 'EPIPE') process.exit(exitCodes.ok)
  throw error
})
// The server has its own way to stop.
if (!process.argv.includes('serve')) process.once('SIGINT', () => process.exit(exitCodes.interrupted))

try {
  await program.parseAsync()
} catch (error) {
  // Help and version end as an exception as well.
  if (error instanceof CommanderError && error.exitCode === 0) process.exitCode = exitCodes.ok
  else {
    const report = reportOf(error)
    process.stderr.write(renderReport(report, process.argv.includes('--json')))
    process.exitCode = report.exitCode
  }
}
