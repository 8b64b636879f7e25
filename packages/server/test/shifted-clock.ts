// Loaded into a server before anything else: its wall clock is off by as many milliseconds as the file MESH_TEST_CLOCK says,
// which is read again at each SIGUSR2. Nothing else of it is touched; the monotonic clock goes on.
import { readFileSync } from 'node:fs'
import { isMainThread } from 'node:worker_threads'

const file = process.env['MESH_TEST_CLOCK'] ?? ''
const read = () => Number(readFileSync(file, 'utf8'))
let ahead = read()
const dateNow = Date.now
if (isMainThread) process.on('SIGUSR2', () => (ahead = read()))

globalThis.Date = class extends Date {
  constructor(...args: [] | [value: number | string | Date]) {
    super(...((args.length === 0 ? [dateNow() + ahead] : args) as [number]))
  }

  static override now(): number {
    return dateNow() + ahead
  }
} as DateConstructor
