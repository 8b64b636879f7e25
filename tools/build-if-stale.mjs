// Builds the JavaScript (no types) of each package whose sources changed since its last build. Prints nothing when there
// is nothing to do, and then costs no more than a few hundred file stats.
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, readdirSync, statSync, utimesSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

// No order is needed: without types, a build reads its own package only; the others stay imports.
const packages = ['core', 'server', 'client-sdk', 'cli']
const root = fileURLToPath(new URL('..', import.meta.url))
const tsup = join(root, 'node_modules/tsup/dist/cli-default.js')

const folderOf = (name) => join(root, 'packages', name)

/** Newest change below a file or folder, in ms. A folder's own time counts: it moves when a file is removed. */
function newest(path) {
  const stat = statSync(path)
  if (!stat.isDirectory()) return stat.mtimeMs
  const files = readdirSync(path).filter((name) => !name.endsWith('.test.ts'))
  return Math.max(stat.mtimeMs, ...files.map((name) => newest(join(path, name))))
}

/** The built files of a package; none when it was never built. */
function outputs(folder) {
  try {
    const files = readdirSync(join(folder, 'dist')).filter((name) => name.endsWith('.js'))
    return files.map((name) => join(folder, 'dist', name))
  } catch {
    return []
  }
}

function isStale(folder) {
  const built = outputs(folder)
  const oldest = built.length === 0 ? 0 : Math.min(...built.map((path) => statSync(path).mtimeMs))
  return ['src', 'package.json', 'tsup.config.ts'].some((path) => newest(join(folder, path)) > oldest)
}

/** Builds one package; resolves to the builder's exit code. */
async function build(folder) {
  const begun = new Date()
  const child = spawn(process.execPath, [tsup, '--no-dts', '--silent'], { cwd: folder, stdio: 'inherit' })
  const [code] = await once(child, 'exit')
  // A source saved while the build ran has to count as newer than its output.
  for (const path of outputs(folder)) utimesSync(path, begun, begun)
  return code ?? 1
}

// pnpm goes on with the script when its own install fails.
if (!existsSync(tsup)) {
  console.error('The dependencies are not installed: see what pnpm says above.')
  process.exit(1)
}
const stale = packages.filter((name) => isStale(folderOf(name)))
if (stale.length > 0) {
  const started = performance.now()
  const codes = await Promise.all(stale.map((name) => build(folderOf(name))))
  const failed = stale.filter((_, index) => codes[index] !== 0)
  const names = (failed.length > 0 ? failed : stale).map((name) => `@mesh/${name}`).join(', ')
  const seconds = ((performance.now() - started) / 1000).toFixed(1)
  console.log(failed.length > 0 ? `The build of ${names} failed.` : `Built ${names} in ${seconds} s.`)
  process.exitCode = failed.length > 0 ? 1 : 0
}
