import { fork, type ChildProcess } from 'node:child_process'

/** A server of the bench, in a process of its own. */
export interface Server {
  child: ChildProcess
  url: string
  access_token: string
  room_id: string
}

/** CPU in microseconds, memory in bytes. */
export interface Usage {
  cpu: number
  memory: number
}

/** Starts a server and waits until it listens. What it is told comes as its arguments. */
export function startServer(file: string, ...args: string[]): Promise<Server> {
  return start(file, args, process.env)
}

/**
 * Starts the yardstick: ws as it comes. That the server package brings bufferutil along, which takes the masks off in native
 * code, is a part of what Mesh does.
 */
export function startBare(): Promise<Server> {
  return start('server-bare.ts', [], { ...process.env, WS_NO_BUFFER_UTIL: '1' })
}

function start(file: string, args: string[], env: NodeJS.ProcessEnv): Promise<Server> {
  const execArgv = ['--conditions=@mesh/source', '--expose-gc']
  const child = fork(new URL(file, import.meta.url), args, { execArgv, env })
  return new Promise((resolve, reject) => {
    child.once('message', (message) => resolve({ child, ...(message as Omit<Server, 'child'>) }))
    child.once('exit', () => reject(new Error(`${file} did not start`)))
  })
}

/** What a server has used so far; `gc` lets it collect its garbage first. */
export function usageOf({ child }: Pick<Server, 'child'>, gc = false): Promise<Usage> {
  return new Promise((resolve) => {
    child.once('message', (message) => resolve(message as Usage))
    child.send(gc ? 'gc' : 'usage')
  })
}

export function stopServer({ child }: Pick<Server, 'child'>): void {
  child.disconnect()
}

export const median = (values: number[]) => quantile(values, 0.5)

/** The value below which so much of all lies. */
export const quantile = (values: number[], share: number) =>
  values.toSorted((a, b) => a - b)[Math.floor(values.length * share)] ?? Number.NaN
