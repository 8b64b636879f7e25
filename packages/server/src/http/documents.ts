import type { Limits } from '@mesh/core'
import type { Documents, Place, Route } from './route.ts'

/** Writes the documents when they are first asked for. Most servers never are, so what writes them is not even loaded before. */
export function createDocuments(options: Place & { routes: readonly Route[]; limits: Limits }): Documents {
  return {
    openapi: once(async () => (await import('../documents/openapi.ts')).openapi(options.routes, options)),
    asyncapi: once(async () => (await import('../documents/asyncapi.ts')).asyncapi(options)),
  }
}

function once<T>(make: () => Promise<T>): () => Promise<T> {
  let made: Promise<T> | undefined
  return () => (made ??= make())
}
