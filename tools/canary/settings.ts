import { chmodSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { readConfig, sentenceOf, settings } from '@mesh/server'
import type { Places } from './places.ts'
import type { Secrets } from './secrets.ts'

/** What the log and the messages of a start show on purpose. */
const shown = new Set<string>(['MESH_DATA_DIR', 'MESH_HOST', 'MESH_BOOTSTRAP_ADMIN'])

/** Notes what a start says of settings that are wrong, as the server and the command line both do. */
export function readWrongSettings(directory: string, { secrets, places }: { secrets: Secrets; places: Places }): void {
  for (const env of wrongSettings(directory, secrets)) {
    try {
      readConfig({ env, cwd: directory })
    } catch (error) {
      places.add('stderr', sentenceOf(error))
    }
  }
}

/** Every setting there is with a canary for its value, and secrets in every form. */
function wrongSettings(directory: string, secrets: Secrets): Record<string, string>[] {
  const sung = () => secrets.make('setting')
  return settings.flatMap(({ name, secret }) => {
    if (!secret) return shown.has(name) ? [] : [{ [name]: sung() }]
    const file = join(directory, `${name}-${sung().slice(-6)}`)
    writeFileSync(file, `mysql://${sung()}`)
    chmodSync(file, 0o600)
    return [
      { [name]: `mysql://${sung()}` },
      { [name]: sung(), [`${name}_FILE`]: file },
      { [`${name}_FILE`]: file },
      { [`${name}_FILE`]: join(directory, sung()) },
    ]
  })
}

/** Settings that are well written and with which nothing starts all the same, with a password in each. */
export function wrongStarts(directory: string, secrets: Secrets): Record<string, string>[] {
  const password = () => secrets.make('password')
  const bootstrap = {
    MESH_DATA_DIR: join(directory, 'other'),
    MESH_BOOTSTRAP_ADMIN: 'root',
    // Longer than bcrypt reads.
    MESH_BOOTSTRAP_PASSWORD: password().repeat(5),
  }
  const databases = [
    `postgres://mesh:${password()}@127.0.0.1:1/mesh`,
    `postgres://mesh:${password()}@127.0.0.1:99999/mesh`,
    `postgres://mesh:${password()}%zz@127.0.0.1:1/mesh`,
    `postgres://mesh:${password()}@[::1/mesh`,
    `postgres://mesh:${password()}@127.0.0.1:1/mesh?sslmode=verify-full&sslrootcert=${password()}`,
  ].map((MESH_DATABASE_URL) => ({ MESH_DATABASE_URL }))
  return [bootstrap, ...databases]
}
