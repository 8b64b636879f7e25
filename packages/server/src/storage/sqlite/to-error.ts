import { MeshError } from '@mesh/core/errors'
import type { Failure } from './messages.ts'

/** Turns a failure of the database into what the storage port throws; what SQLite said stays as its `cause`. */
export function toError({ kind, message, code }: Failure): Error {
  const error = Object.assign(new Error(message), code === undefined ? {} : { code })
  return kind === 'unavailable' ? Object.assign(new MeshError('UNAVAILABLE'), { cause: error }) : error
}
