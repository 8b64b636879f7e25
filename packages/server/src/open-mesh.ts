import type { Logger, Storage } from '@mesh/core'
import { redis } from './bus/redis.ts'
import type { Config } from './config.ts'
import { createMesh, type MeshServer } from './mesh-server.ts'
import type { MeshServerOptions } from './mesh-server-options.ts'
import { gotify } from './notifiers/gotify.ts'
import { openStorage } from './storage/open.ts'

/**
 * Opens the installation that settings name: its database, its keys, and the bus where it has several nodes.
 * @throws Error with one sentence; then nothing is left open
 */
export async function openMesh(
  config: Config,
  options: {
    migrate?: 'auto' | 'check'
    logger?: Logger
    /** Puts a stopwatch on the storage. */
    measure?: (storage: Storage) => Storage
  } & Partial<MeshServerOptions> = {},
): Promise<MeshServer> {
  const { dataDir, keysDir, database, redisUrl, publicUrl, limits, keyRotationDays } = config
  const { gotifyUrl, webhook } = config
  const { migrate = 'auto', logger, measure = (storage) => storage, ...more } = options
  const storage = measure(await openStorage(database, { migrate }))
  try {
    // Nodes of one installation have one public URL, and others another.
    const bus =
      redisUrl === undefined
        ? undefined
        : await redis(redisUrl, { prefix: `mesh:${publicUrl ?? ''}:`, ...(logger && { logger }) })
    const shared = { dataDir, keysDir, storage, bus, limits, keyRotationDays }
    return await createMesh({
      ...shared,
      ...(publicUrl === undefined ? {} : { publicUrl }),
      ...(logger && { logger }),
      ...(gotifyUrl !== undefined && { notifier: gotify({ url: gotifyUrl }) }),
      ...(webhook && { webhooks: [webhook] }),
      ...more,
    }).catch(async (error: unknown) => {
      await bus?.close()
      throw error
    })
  } catch (error) {
    await storage.close()
    throw error
  }
}
