// What a browser downloads: the SDK's entry points bundled as an application's bundler would, from the sources and from
// the built packages. No server code may be in it, and it has a size budget.
import { join, relative } from 'node:path'
import { fileURLToPath } from 'node:url'
import { gzipSync } from 'node:zlib'
import { build, type Metafile } from 'esbuild'

const root = fileURLToPath(new URL('../..', import.meta.url))

/** Budgets in bytes, gzip level 9, minified: what importing these entry points together may cost. */
const budgets: { name: string; entries: string[]; bytes: number }[] = [
  { name: 'core', entries: ['@mesh/client-sdk'], bytes: 8_000 },
  { name: 'core + webrtc', entries: ['@mesh/client-sdk', '@mesh/client-sdk/webrtc'], bytes: 12_000 },
]

/** All of core that a browser may load: these entry points and what they themselves import. */
const allowedOfCore = ['@mesh/core/protocol', '@mesh/core/errors']

/** How an import finds a package: `conditions` as esbuild takes them. */
const variants = [
  { from: 'source', conditions: ['@mesh/source'] },
  { from: 'dist', conditions: [] },
]

interface Bundle {
  bytes: number
  /** Bundled files, relative to the root, that contribute or are at least loaded. */
  inputs: string[]
  metafile: Metafile
}

async function bundle(entries: string[], conditions: string[]): Promise<Bundle> {
  const contents = entries.map((entry, index) => `export * as m${index} from '${entry}'`).join('\n')
  const result = await build({
    stdin: { contents, resolveDir: root, loader: 'js', sourcefile: 'application.js' },
    absWorkingDir: root,
    bundle: true,
    minify: true,
    format: 'esm',
    platform: 'browser',
    target: 'es2023',
    conditions,
    metafile: true,
    write: false,
    logLevel: 'silent',
  })
  const inputs = Object.keys(result.metafile.inputs).filter((input) => input !== 'application.js')
  const bytes = result.outputFiles.reduce((sum, file) => sum + gzipSync(file.contents, { level: 9 }).length, 0)
  return { bytes, inputs: inputs.map((input) => relative(root, join(root, input))), metafile: result.metafile }
}

/** Who imports `input`, up to the application: says where a leak comes from. */
function importers(metafile: Metafile, input: string, seen: string[] = []): string[] {
  const parent = Object.entries(metafile.inputs).find(
    ([path, { imports }]) => !seen.includes(path) && imports.some((edge) => edge.path === input),
  )
  return parent === undefined || parent[0] === 'application.js'
    ? []
    : [parent[0], ...importers(metafile, parent[0], [...seen, input])]
}

/** Sentences about what is wrong with one bundle; none when it is fine. */
async function faults(
  name: string,
  entries: string[],
  limit: number,
  variant: (typeof variants)[number],
): Promise<string[]> {
  const label = `${name} (${variant.from})`
  try {
    const allowed = new Set((await bundle(allowedOfCore, variant.conditions)).inputs)
    const { bytes, inputs, metafile } = await bundle(entries, variant.conditions)
    console.log(`${label.padEnd(24)} ${String(bytes).padStart(6)} of ${limit} bytes gzip, ${inputs.length} files`)
    const leaks = inputs.filter((input) => !input.startsWith('packages/client-sdk/') && !allowed.has(input))
    const server = inputs.filter((input) => /(^|\/)handlers\.[jt]s$|^packages\/(server|cli)\//.test(input))
    return [
      ...[...new Set([...leaks, ...server])].map(
        (input) => `${label}: ${[input, ...importers(metafile, input)].join(' <- ')} must not reach a browser`,
      ),
      ...(bytes > limit ? [`${label}: ${bytes} bytes gzip are over the budget of ${limit}`] : []),
    ]
  } catch (error) {
    // A Node built-in has no browser build; esbuild names the import.
    const { errors = [] } = error as { errors?: { text: string; location?: { file: string; line: number } }[] }
    if (errors.length === 0) throw error
    return errors.map(({ text, location }) => `${label}: ${location?.file}:${location?.line}: ${text.split('\n')[0]}`)
  }
}

const found: string[] = []
for (const variant of variants) {
  for (const { name, entries, bytes } of budgets) found.push(...(await faults(name, entries, bytes, variant)))
}
for (const fault of found) console.error(fault)
process.exitCode = found.length > 0 ? 1 : 0
