import { fork, type ChildProcess } from 'node:child_process'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createApi, password, type Account, type Api } from './api.ts'
import type { Answer, Question } from './server.ts'

/**
 * Bytes after a forced collection, how many peers there are, the longest stall in ms since the last time, and how many
 * connections have been closed with which code.
 */
export type Memory = Omit<Extract<Answer, { tell: 'memory' }>, 'tell'>

/** A server to be attacked. */
export interface Child extends Api {
  /** What it said went wrong, and whether it died. */
  readonly faults: readonly string[]
  /** Makes an account and logs in. */
  account(username: string, admin?: boolean): Promise<Account>
  memory(): Promise<Memory>
  stop(): Promise<void>
}

/** Starts a server with its own data directory; `limits` are laid over the defaults. */
export async function startChild(limits: object = {}): Promise<Child> {
  const dataDir = await mkdtemp(join(tmpdir(), 'mesh-fuzz-'))
  const faults: string[] = []
  const child = fork(new URL('server.ts', import.meta.url), {
    cwd: dataDir,
    env: { PATH: process.env.PATH, MESH_DATA_DIR: dataDir, MESH_PORT: '0', MESH_LIMITS: JSON.stringify(limits) },
    execArgv: ['--conditions=@mesh/source', '--expose-gc', '--max-old-space-size=512'],
    stdio: ['ignore', 'inherit', 'pipe', 'ipc'],
  })
  let isWanted = true
  const exited = new Promise<void>((resolve) => {
    child.once('exit', (code, signal) => {
      if (isWanted) faults.push(`the server ended with ${code ?? signal}`)
      resolve()
    })
  })
  child.stderr?.on('data', (data: Buffer) => faults.push(data.toString()))
  child.on('message', (message: Answer) => {
    if (message.tell === 'fault') faults.push(message.what)
  })
  const api = createApi((await told(child, 'url')).url)
  return {
    ...api,
    faults,
    async account(username, admin = false) {
      ask(child, { ask: 'account', username, password, admin })
      await told(child, 'account', (answer) => answer.username === username)
      return api.login(username)
    },
    async memory() {
      ask(child, { ask: 'memory' })
      const { tell: _, ...memory } = await told(child, 'memory')
      return memory
    },
    async stop() {
      isWanted = false
      if (child.connected) child.disconnect()
      await exited
      await rm(dataDir, { recursive: true, force: true })
    },
  }
}

const ask = (child: ChildProcess, question: Question) => child.send(question)

type AnswerOf<T extends Answer['tell']> = Extract<Answer, { tell: T }>

/** The next answer of a kind that fits. */
function told<T extends Answer['tell']>(
  child: ChildProcess,
  tell: T,
  fits: (answer: AnswerOf<T>) => boolean = () => true,
): Promise<AnswerOf<T>> {
  return new Promise((resolve, reject) => {
    const gone = () => reject(new Error(`the server ended before it told its ${tell}`))
    const listen = (message: Answer) => {
      // Its `tell` says which of the answers it is.
      if (message.tell !== tell || !fits(message as AnswerOf<T>)) return
      child.off('message', listen)
      child.off('exit', gone)
      resolve(message as AnswerOf<T>)
    }
    child.on('message', listen)
    child.once('exit', gone)
  })
}
