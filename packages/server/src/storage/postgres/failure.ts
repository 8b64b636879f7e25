import { MeshError } from '@mesh/core/errors'

/** Why PostgreSQL, or the way to it, did not do as told. */
export class PostgresFailure extends Error {
  /** SQLSTATE, or the code of a network error. */
  readonly code: string | undefined
  /** `retry`: nothing was written, and another try may pass. `unavailable`: it cannot serve now. `error`: the operation is at fault. */
  readonly kind: 'retry' | 'unavailable' | 'error'
  /** Whether the connection may be used on. */
  readonly broken: boolean

  constructor(error: unknown) {
    const { code, message, answered } = factsOf(error)
    // Messages about data (class 22) repeat the data.
    super(code?.startsWith('22') ? 'PostgreSQL cannot take a value' : message)
    this.code = code
    this.kind = answered ? kindOf(code ?? '') : 'unavailable'
    this.broken = !answered || /^(08|57P|25P0[345])/.test(code ?? '')
  }
}

/** The same was added twice: where two did so at once, the second one sees the first when it tries again. */
const twice = '23505'

/** A text has the character U+0000, which PostgreSQL does not keep: somebody sent it. */
const zero = '22021'

/** The role lacks a right, such as that to make tables in a schema that is not its own. */
const noRight = '42501'
const whatRole = 'the role needs a database of its own, or rights on this one: CREATE DATABASE mesh OWNER mesh'

/** Serialisation failures and deadlocks. */
const retry = new RegExp(`^(40001|40P01|${twice})$`)

/** Connections, space, memory, shutdown, standby, timeouts, locks, rights, faults of the disk: over when their cause is. */
const unavailable = /^(08|28|3D|53|57|58|XX|25006|25P0[345]|40003|42501|55P03)/

function kindOf(code: string): PostgresFailure['kind'] {
  if (retry.test(code)) return 'retry'
  return unavailable.test(code) ? 'unavailable' : 'error'
}

/** What the server answered has a severity; everything else came about on the way to it. */
function factsOf(error: unknown): { code: string | undefined; message: string; answered: boolean } {
  if (!(error instanceof Error)) return { code: undefined, message: String(error), answered: false }
  const code = 'code' in error && typeof error.code === 'string' ? error.code : undefined
  // What is wrong with a file that the URL names is said without its name, which may be a password in the wrong place.
  const message = 'path' in error ? '' : error.message
  return { code, message: message || (code ?? 'The connection failed'), answered: 'severity' in error }
}

/** Turns a caught value into what the storage port throws; what PostgreSQL said stays as its `cause`. */
export function toError(error: unknown): unknown {
  if (!(error instanceof PostgresFailure)) return error
  if (error.code === zero) return Object.assign(new MeshError('BAD_MESSAGE'), { cause: error })
  if (error.kind === 'error') return error
  // What is there already after every try was there before, and is the operation's own fault.
  if (error.code === twice) return error
  return Object.assign(new MeshError('UNAVAILABLE'), { cause: error })
}

/** The same in one sentence, for whoever starts a server or runs a command. */
export function toSentence(error: unknown): unknown {
  if (!(error instanceof PostgresFailure)) return error
  const help = error.code === noRight ? `; ${whatRole}` : ''
  return new Error(`The PostgreSQL database cannot be used: ${error.message}${help}`, { cause: error })
}
