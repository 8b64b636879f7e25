import { Worker } from 'node:worker_threads'
import { parseOptions } from '@node-rs/bcrypt'
import { MeshError } from '@mesh/core/errors'
import type { PasswordJob, PasswordResult } from './password-worker.ts'
import { checkPassword, comparable } from './password-rules.ts'

/** Settings of `createPasswords`. */
export interface PasswordOptions {
  /** Cost of new hashes and of what unknown accounts pay, 4 to 31; each step doubles the time. 12 takes about 0.25 s. */
  cost?: number
  /** How many requests may wait, beside the one that runs. */
  maxQueue?: number
  /** Milliseconds a request may wait for its turn. */
  maxWaitMs?: number
}

/** Hashes and checks passwords (bcrypt), one at a time, in a thread of its own. */
export interface Passwords {
  /** The hash of a new password. @throws MeshError BAD_MESSAGE when it breaks a rule, UNAVAILABLE when too many wait. */
  hash(password: string): Promise<string>
  /**
   * Whether a password belongs to a stored hash. Pass undefined for an account that does not exist or may not sign in: the
   * answer is false after the same time, so that time tells nothing. @throws MeshError UNAVAILABLE when too many wait.
   */
  verify(password: string, hash: string | undefined): Promise<boolean>
  /**
   * A fresh hash of a password that has just been verified, where the stored one is cheaper than new ones are; undefined
   * where it is not. The rules for new passwords are not asked: it is the one they have. @throws MeshError UNAVAILABLE
   */
  renewed(password: string, hash: string): Promise<string | undefined>
  /** Stops the thread; whoever waits, and whoever comes later, gets UNAVAILABLE. */
  close(): Promise<void>
}

interface Pending {
  job: PasswordJob
  resolve(value: string | boolean): void
  reject(error: Error): void
  timer?: NodeJS.Timeout
}

/**
 * The one place where bcrypt runs. On Node's thread pool a burst of logins would hold up every token check and file read, which
 * share its four threads; so it runs synchronously in one worker, behind a queue that says no when it is full.
 *
 * @throws RangeError for a cost that bcrypt does not have.
 */
export function createPasswords({ cost = 12, maxQueue = 32, maxWaitMs = 5_000 }: PasswordOptions = {}): Passwords {
  if (!Number.isInteger(cost) || cost < 4 || cost > 31) throw new RangeError('bcrypt cost must be 4 to 31')
  const queue: Pending[] = []
  let running: Pending | undefined
  let worker: Worker | undefined
  let closed = false

  function start(): Worker {
    // The source runs as TypeScript, the build as JavaScript; the worker stands beside us in both.
    const extension = import.meta.url.endsWith('.ts') ? 'ts' : 'js'
    const started = new Worker(new URL(`./password-worker.${extension}`, import.meta.url), {
      name: 'mesh-passwords',
      // The host's flags are not for us: it would load its --import hooks again, and refuses to start under --input-type.
      execArgv: [],
    })
    started.on('message', (result: PasswordResult) => {
      const done = running
      running = undefined
      if (result.ok) done?.resolve(result.value)
      else done?.reject(new Error(`bcrypt: ${result.message}`))
      next()
    })
    let fault: unknown
    // 'exit' follows, and does the work.
    started.on('error', (error) => {
      fault = error
    })
    started.on('exit', () => {
      worker = undefined
      abandon(fault)
    })
    return started
  }

  function next(): void {
    if (running) return
    running = queue.shift()
    if (!running) {
      // An idle thread must not keep a process alive; one at work must, or a script ends in the middle of a hash.
      worker?.unref()
      return
    }
    clearTimeout(running.timer)
    try {
      worker ??= start()
      worker.ref()
      worker.postMessage(running.job)
    } catch (error) {
      abandon(error)
    }
  }

  function abandon(cause?: unknown): void {
    const lost = running ? [running, ...queue] : [...queue]
    running = undefined
    queue.length = 0
    for (const pending of lost) {
      clearTimeout(pending.timer)
      pending.reject(unavailable(stopped, cause))
    }
  }

  function submit(job: PasswordJob): Promise<string | boolean> {
    return new Promise((resolve, reject) => {
      if (closed) {
        reject(unavailable(stopped))
        return
      }
      if (running && queue.length >= maxQueue) {
        reject(unavailable(crowded))
        return
      }
      const pending: Pending = { job, resolve, reject }
      if (running) {
        pending.timer = setTimeout(() => {
          queue.splice(queue.indexOf(pending), 1)
          reject(unavailable(crowded))
        }, maxWaitMs).unref()
      }
      queue.push(pending)
      next()
    })
  }

  return {
    async hash(password) {
      return String(await submit({ kind: 'hash', password: checkPassword(password), cost }))
    },

    async verify(password, hash) {
      const normal = comparable(password)
      const real = normal !== undefined && hash !== undefined
      return (await submit({ kind: 'verify', password: normal ?? '', hash: hash ?? '', real, cost })) === true
    },

    async renewed(password, hash) {
      const normal = comparable(password)
      if (normal === undefined || parseOptions(hash).cost >= cost) return undefined
      return String(await submit({ kind: 'hash', password: normal, cost }))
    },

    async close() {
      closed = true
      const last = worker
      worker = undefined
      abandon()
      await last?.terminate()
    },
  }
}

const crowded = 'Too many sign-ins at once: try again in a moment'
const stopped = 'Passwords cannot be checked at the moment'

function unavailable(message: string, cause?: unknown): MeshError {
  const error = new MeshError('UNAVAILABLE', message, { retry_after_ms: 1_000 })
  if (cause !== undefined) error.cause = cause
  return error
}
