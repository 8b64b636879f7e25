// The sources behind the published entry points, read from the packages' own export maps.
import { readFileSync } from 'node:fs'
import { join, posix } from 'node:path'

/**
 * @param {string} root the repository's root
 * @param {string} name the package's folder, e.g. `core`
 * @returns {Record<string, string>} subpath (`.`, `./protocol`) -> source, relative to the root
 */
export function entriesOf(root, name) {
  const { exports } = JSON.parse(readFileSync(join(root, 'packages', name, 'package.json'), 'utf8'))
  const sources = Object.entries(exports).filter(([, target]) => target['@mesh/source'] !== undefined)
  return Object.fromEntries(
    sources.map(([subpath, target]) => [subpath, posix.join('packages', name, target['@mesh/source'])]),
  )
}
