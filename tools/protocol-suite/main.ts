// The command line of the suite: see README.md.
import { parseArgs } from 'node:util'
import { runSuite, type Result, type SuiteOptions } from './run.ts'

const usage =
  'usage: pnpm protocol-suite <url> --admin <name>:<password> [--only <pattern>] [--json]\n' +
  'The login may instead stand in MESH_SUITE_ADMIN.'

const { values, positionals } = readArguments()
const [url = ''] = positionals
const login = values.admin ?? process.env['MESH_SUITE_ADMIN'] ?? ''
const colon = login.indexOf(':')
if (values.help) leave(usage, 0)
if (!/^https?:\/\//.test(url) || colon < 1) leave(usage, 2)

const mark = { passed: 'pass', failed: 'FAIL', skipped: 'skip' }
const line = ({ id, section, rule, outcome, detail, ms }: Result) =>
  `${mark[outcome]}  ${id}  ${section}  ${rule}  (${ms} ms)${detail === undefined ? '' : `\n      ${detail}`}`

function readArguments() {
  try {
    return parseArgs({
      allowPositionals: true,
      options: {
        admin: { type: 'string' },
        only: { type: 'string' },
        json: { type: 'boolean', default: false },
        help: { type: 'boolean', default: false },
      },
    })
  } catch {
    return leave(usage, 2)
  }
}

function leave(text: string, code: number): never {
  ;(code === 0 ? console.log : console.error)(text)
  process.exit(code)
}

/** A server that cannot be used at all is a sentence, not a stack. */
async function run(options: SuiteOptions): Promise<Result[]> {
  try {
    return await runSuite(options)
  } catch (error) {
    const { message, cause } = error instanceof Error ? error : new Error(String(error))
    return leave(cause instanceof Error ? `${message}: ${cause.message}` : message, 2)
  }
}

const started = Date.now()
const results = await run({
  url,
  admin: { username: login.slice(0, colon), password: login.slice(colon + 1) },
  only: values.only === undefined ? undefined : new RegExp(values.only),
  ...(values.json ? {} : { onResult: (result) => console.log(line(result)) }),
})
const count = (outcome: Result['outcome']) => results.filter((result) => result.outcome === outcome).length
const summary = {
  passed: count('passed'),
  failed: count('failed'),
  skipped: count('skipped'),
  ms: Date.now() - started,
}
if (values.json) console.log(JSON.stringify({ url, ...summary, results }, null, 2))
else {
  const { passed, failed, skipped, ms } = summary
  console.log(`\n${passed} passed, ${failed} failed, ${skipped} skipped, in ${(ms / 1000).toFixed(1)} s`)
}
process.exit(summary.failed > 0 ? 1 : 0)
