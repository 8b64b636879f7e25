import { isMeshError, type Logger } from '@mesh/core'
import { ConfigError, type Config } from './config.ts'
import type { MeshServer } from './mesh-server.ts'

/**
 * Sees to it that a server can get an administrator: makes the one that the settings name, or a code to make one with.
 * Undefined where there is one already, or is one now.
 * @throws ConfigError when the one in the settings cannot be made
 */
export async function prepareFirstAdmin(
  { setup, storage }: MeshServer,
  { bootstrap }: Pick<Config, 'bootstrap'>,
  logger: Logger,
): Promise<string | undefined> {
  if (!bootstrap) return setup.newCode()
  const ignore = () => logger.info({}, 'MESH_BOOTSTRAP_ADMIN is ignored: there is an administrator')
  if (await storage.users.hasAdmin()) return void ignore()
  try {
    const { user_id } = await setup.finish(bootstrap, { actor: 'server' })
    logger.info({ user_id }, 'the first administrator was made from MESH_BOOTSTRAP_ADMIN')
    return undefined
  } catch (error) {
    if (!isMeshError(error)) throw error
    // Another node, which started together with this one, was first.
    if (error.details.reason === 'already_set_up') return void ignore()
    throw new ConfigError(`MESH_BOOTSTRAP_ADMIN cannot become the first administrator: ${error.message}.`)
  }
}

/** What to tell whoever starts a server without an administrator. `url` is where this very server listens. */
export function setupNotice(
  code: string,
  url: string,
  { publicUrl = url, redisUrl, dataDir }: Pick<Config, 'publicUrl' | 'redisUrl' | 'dataDir'>,
): string {
  // The code is this process's own, and the public address of several nodes leads to any of them.
  const reached = redisUrl === undefined ? publicUrl : url
  return `
There is no administrator yet. Make the first one on this machine with
  mesh-cli --data-dir ${dataDir} setup <name>
or from wherever this very server is reached, once and within 15 minutes, with the code ${code}:
  curl ${reached}/api/v1/setup -H 'content-type: application/json' \\
    -d '{"code": "${code}", "username": "<name>", "password": "<a long one>"}'

`
}
