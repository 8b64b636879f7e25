import { spawn } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import type { Places } from './places.ts'

const root = fileURLToPath(new URL('../..', import.meta.url))

/** The standalone server and the command line, as people run them. */
export const programs = { server: 'packages/server/src/bin.ts', cli: 'packages/cli/src/cli.ts' } as const

/** A program of ours in a process of its own, everything that it says being noted. */
export interface Program {
  /** What it has said so far on each stream. */
  said(): { stdout: string; stderr: string }
  /** Resolves with the first match in what it says. @throws Error when it ends before */
  says(pattern: RegExp): Promise<RegExpExecArray>
  kill(signal: NodeJS.Signals): void
  readonly ended: Promise<number | null>
}

/** Starts one. `leaky` lets it leak on purpose: see `leaks.ts`. */
export function run(
  program: keyof typeof programs,
  options: {
    args?: readonly string[]
    input?: string
    cwd: string
    env: Record<string, string>
    leaky: boolean
    /** Where what it says on each stream is noted. */
    as: { stdout: string; stderr: string }
    places: Places
  },
): Program {
  const { args = [], input = '', cwd, env, leaky, as, places } = options
  const leaks = leaky ? ['--import', fileURLToPath(new URL('leaks.ts', import.meta.url))] : []
  const file = `${root}/${programs[program]}`
  const child = spawn(process.execPath, ['--conditions=@mesh/source', ...leaks, file, ...args], {
    cwd,
    env: { PATH: process.env['PATH'] ?? '', HOME: cwd, ...env },
  })
  const said = { stdout: '', stderr: '' }
  const listeners = new Set<() => void>()
  for (const stream of ['stdout', 'stderr'] as const) {
    child[stream].setEncoding('utf8').on('data', (text: string) => {
      said[stream] += text
      for (const listener of listeners) listener()
    })
  }
  // Whoever does not read their input is not asked to.
  child.stdin.on('error', () => {})
  child.stdin.end(input)
  const ended = new Promise<number | null>((resolve) => {
    child.once('close', (code) => {
      for (const stream of ['stdout', 'stderr'] as const) places.add(as[stream], said[stream])
      resolve(code)
    })
  })
  return {
    ended,
    said: () => said,
    kill: (signal) => child.kill(signal),
    says: (pattern) =>
      new Promise((resolve, reject) => {
        const look = () => {
          const match = pattern.exec(said.stdout) ?? pattern.exec(said.stderr)
          if (!match) return
          listeners.delete(look)
          resolve(match)
        }
        listeners.add(look)
        look()
        void ended.then((code) => reject(new Error(`ended with ${code}: ${said.stderr.slice(0, 500)}`)))
      }),
  }
}
