import { readdirSync, readFileSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import type { Places } from './places.ts'
import type { Secrets } from './secrets.ts'

/** Notes every file of a data directory as its bytes, and every table of the database row by row. */
export function readData(directory: string, places: Places): void {
  for (const name of readdirSync(directory)) {
    if (statSync(join(directory, name)).isFile())
      places.add(`file ${name}`, readFileSync(join(directory, name), 'latin1'))
  }
  for (const [table, rows] of tablesOf(directory)) places.add(`table ${table}`, JSON.stringify(rows))
}

/** Remembers what the server keeps for itself: in the rows of logins and users, and the private halves of its keys. */
export function keepOwn(directory: string, secrets: Secrets): void {
  const tables = tablesOf(directory)
  for (const { token_key, secret_hash } of tables.get('mesh_login') ?? []) {
    secrets.keep('login key', String(token_key))
    secrets.keep('login key', String(secret_hash))
  }
  for (const { hashed_password } of tables.get('mesh_user') ?? [])
    secrets.keep('password hash', String(hashed_password))
  const keys = readFileSync(join(directory, 'keys.json'), 'utf8')
  for (const [, d = ''] of keys.matchAll(/"d": ?"([^"]+)"/g)) secrets.keep('signing key', d)
}

function tablesOf(directory: string): Map<string, Record<string, unknown>[]> {
  const database = new DatabaseSync(join(directory, 'mesh.db'), { readOnly: true })
  try {
    const tables = database.prepare("select name from sqlite_master where type = 'table'").all()
    return new Map(
      tables.map(({ name }) => [String(name), database.prepare(`select * from "${String(name)}"`).all()] as const),
    )
  } finally {
    database.close()
  }
}
