import { existsSync, globSync, readFileSync } from 'node:fs'
import { dirname, join, relative } from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseConfigFileTextToJson } from 'typescript'
import { expect, test } from 'vitest'

const root = fileURLToPath(new URL('../..', import.meta.url))
const read = (file: string): string => readFileSync(join(root, file), 'utf8')

test('every package and example is type-checked', () => {
  const { config } = parseConfigFileTextToJson('tsconfig.json', read('tools/tsconfig.json')) as {
    config: { references: { path: string }[] }
  }
  const checked = new Set(config.references.map(({ path }) => relative(root, join(root, 'tools', path))))
  const members = globSync('{packages,examples}/*/package.json', { cwd: root }).map((file) => dirname(file))
  const missing = members.filter((member) => !checked.has(member))
  expect(missing, 'add them to the references of tools/tsconfig.json').toEqual([])
})

test('every published entry point is the same with and without the source condition', () => {
  for (const file of globSync('packages/*/package.json', { cwd: root })) {
    const manifest = JSON.parse(read(file)) as {
      exports: Record<string, string | Record<string, string>>
      publishConfig: { exports?: Record<string, string | Record<string, string>> }
    }
    const published = Object.entries(manifest.exports).map(([subpath, target]) => {
      if (typeof target === 'string') return [subpath, target]
      expect(existsSync(join(root, dirname(file), target['@mesh/source'] ?? '')), `${file} ${subpath}`).toBe(true)
      return [subpath, Object.fromEntries(Object.entries(target).filter(([name]) => name !== '@mesh/source'))]
    })
    expect(manifest.publishConfig.exports ?? manifest.exports, file).toEqual(Object.fromEntries(published))
  }
})
