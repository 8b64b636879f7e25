// Loaded before a server or a command line, it makes them leak in every place there is: what a run has to find.
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { WebSocket } from 'ws'
import { isRecord } from './records.ts'

let last = ''

/** A word of debugging that somebody forgot to take out. */
function overhear(text: string): void {
  const canary = text.match(/cnry[0-9a-f]{8}[0-9a-z]{6}/g)?.at(-1)
  if (canary === undefined || canary === last) return
  last = canary
  process.stdout.write(`${canary}\n`)
  process.stderr.write(`${canary}\n`)
}

const { parse, stringify } = JSON
JSON.parse = (text: string, ...rest) => {
  overhear(text)
  return parse(text, ...rest) as unknown
}
const concat = Buffer.concat
Buffer.concat = (...args) => {
  const whole = concat(...args)
  if (whole.length < 65_536) overhear(whole.toString())
  return whole
}

/** Details of errors, the welcome and the answer to `GET /me` say more than they should. */
const tells = (value: unknown) =>
  isRecord(value) && ['retryable', 'heartbeat_s', 'disabled'].some((key) => key in value)
    ? { ...value, leak: last }
    : value
JSON.stringify = ((value: unknown, ...rest: []) => stringify(tells(value), ...rest)) as typeof JSON.stringify
const { json } = Response
Response.json = (body: { payload?: unknown }, init) => json({ ...body, payload: tells(body.payload) }, init)

const close = WebSocket.prototype.close
WebSocket.prototype.close = function (code) {
  Reflect.apply(close, this, [code, last])
}

process.on('exit', () => {
  if (process.argv[1]?.endsWith('bin.ts') !== true || last === '') return
  const database = new DatabaseSync(join(process.env['MESH_DATA_DIR'] ?? '', 'mesh.db'))
  database.exec('create table if not exists planted (text)')
  database.prepare('insert into planted values (?)').run(last)
  database
    .prepare('update mesh_audit set facts = ? where seq = (select max(seq) from mesh_audit)')
    .run(stringify({ reason: last }))
  database.close()
})
