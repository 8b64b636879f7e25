#!/usr/bin/env node
// Old syntax on purpose: a Node that is too old has to get far enough to say so. Below 22.12 the SQLite driver would
// abort the process without a word.
import { existsSync } from 'fs'

const program = new URL('../dist/bin.js', import.meta.url)
const version = process.versions.node.split('.').map(Number)

if (version[0] < 22 || (version[0] === 22 && version[1] < 12)) {
  console.error('mesh-server needs Node.js 22.12 or newer; this is ' + process.versions.node + '.')
  process.exitCode = 1
} else if (!existsSync(program)) {
  console.error('mesh-server is not built yet; run "node tools/run.mjs build:js" in the root of its repository.')
  process.exitCode = 1
} else {
  import(program.href)
}
