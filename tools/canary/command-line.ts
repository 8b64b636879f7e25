import type { Places } from './places.ts'
import { run } from './process.ts'
import type { Scene } from './scene.ts'

/** Where and how commands run. */
export interface Shell {
  cwd: string
  env: Record<string, string>
  leaky: boolean
  places: Places
}

/** Runs one command; the words before its first option or name say where its output is noted. */
async function command({ places, ...shell }: Shell, words: string, rest: readonly string[] = [], input = '') {
  const place = words === 'audit export' ? words : `cli ${words}`
  const as = { stdout: place, stderr: 'cli stderr' }
  const program = run('cli', { ...shell, places, as, args: [...words.split(' '), ...rest], input })
  await program.ended
  return program.said().stdout
}

/** Beside a server that runs: every command that is given a secret or hands one out, and those that list what there is. */
export async function administer(shell: Shell, { secrets, people, room_id }: Scene): Promise<void> {
  const password = () => secrets.make('password')
  const name = secrets.make('name')
  await command(shell, 'user create', [name, '--password-stdin'], password().repeat(5))
  await command(shell, 'user create', [name, '--password-stdin', `--password=${password()}`])
  await command(shell, 'user create', [name, '--password-stdin', '--password', password()])
  await command(shell, 'setup', [name], password())
  const code = await command(shell, 'member invite', [room_id, '-q'])
  secrets.keep('invite code', code.trim())
  await command(shell, 'token inspect', [], people.ana.access_token)
  await command(shell, 'token inspect', [secrets.make('capability token')])
  await command(shell, 'keys rotate', ['--force'])
  for (const list of ['user list', 'device list', 'keys list', 'audit list']) await command(shell, list, ['--json'])
}

/** On the database alone. */
export async function administerAlone(shell: Shell, { secrets }: Scene): Promise<void> {
  await command(shell, 'user create', [secrets.make('name'), '--password-stdin'], secrets.make('password'))
  await command(shell, 'token inspect', [], secrets.make('access token'))
  await command(shell, 'audit export')
}

/** What a command says when the settings are wrong. */
export async function misconfigured(shell: Shell, wrong: readonly Record<string, string>[]): Promise<void> {
  for (const settings of wrong) await command({ ...shell, env: { ...shell.env, ...settings } }, 'user list')
}
