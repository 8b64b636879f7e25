import { issuePath, MeshError } from '@mesh/core'
import type { Context } from 'hono'
import * as v from 'valibot'

/** The largest body of a request, in bytes. */
export const maxBody = 65_536

/**
 * Reads a JSON body and checks it against its schema, as strictly as an event's payload.
 * @throws MeshError BAD_MESSAGE, MESSAGE_TOO_LARGE
 */
export async function readBody<const S extends v.GenericSchema>(
  context: Context,
  schema: S,
): Promise<v.InferOutput<S>> {
  const type = context.req.header('content-type') ?? ''
  if (!/^application\/json\s*(;|$)/i.test(type)) throw invalid('content_type')
  const parsed = v.safeParse(schema, parse(textOf(await context.req.arrayBuffer())), { abortEarly: true })
  if (!parsed.success) throw invalid('body', issuePath(parsed.issues[0]))
  return parsed.output
}

/** Reads a query and checks it. @throws MeshError BAD_MESSAGE */
export function readQuery<const S extends v.GenericSchema>(context: Context, schema: S): v.InferOutput<S> {
  const parsed = v.safeParse(schema, context.req.query(), { abortEarly: true })
  if (!parsed.success) throw invalid('query', issuePath(parsed.issues[0]))
  return parsed.output
}

/** Bytes that are no UTF-8 are refused: read as U+FFFD, two passwords or names would become one. */
function textOf(bytes: ArrayBuffer): string {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes)
  } catch {
    throw invalid('text')
  }
}

function parse(text: string): unknown {
  if (text.length > maxBody) throw new MeshError('MESSAGE_TOO_LARGE')
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch {
    throw invalid('json')
  }
  if (!isClean(value, 16)) throw invalid('text')
  return value
}

/** No NUL, no lone surrogate, no depth that would hurt: the same as in a frame. */
function isClean(value: unknown, depth: number): boolean {
  if (typeof value === 'string') return value.isWellFormed() && !value.includes('\0')
  if (typeof value !== 'object' || value === null) return true
  return depth > 0 && Object.entries(value).every(([key, inner]) => isClean(key, 0) && isClean(inner, depth - 1))
}

function invalid(reason: string, path?: string): MeshError {
  return new MeshError('BAD_MESSAGE', undefined, path === undefined ? { reason } : { reason, path })
}
