import { fileURLToPath } from 'node:url'
import { defineConfig } from 'vitest/config'

// Tests run on the sources, which every package offers under this condition; no build is needed.
const conditions = ['@mesh/source']
// Where a machine-readable copy of the result goes; the console output is the same with and without it.
const report = process.env['TEST_REPORT']

export default defineConfig({
  root: fileURLToPath(new URL('..', import.meta.url)),
  resolve: { conditions: [...conditions, 'module', 'browser', 'development|production'] },
  ssr: { resolve: { conditions: [...conditions, 'module', 'node', 'development|production'] } },
  test: {
    include: [
      'packages/*/src/**/*.test.ts',
      'packages/*/test/**/*.test.ts',
      'examples/*/test/**/*.test.ts',
      'tools/**/*.test.ts',
    ],
    // Worker threads and forked children inherit it; a spawned one gets it by `spawn(node, [...process.execArgv, file])`.
    execArgv: conditions.map((condition) => `--conditions=${condition}`),
    pool: 'forks',
    maxWorkers: 2,
    // Generous, because browsers, bcrypt and fsync run on shared machines; a test that hangs still ends.
    testTimeout: 20_000,
    hookTimeout: 30_000,
    teardownTimeout: 10_000,
    reporters: report === undefined ? ['default'] : ['default', ['json', { outputFile: report }]],
  },
})
