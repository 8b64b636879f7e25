// Runs one of package.json's scripts with the Node and pnpm this project needs, from a fresh clone with only Node and npm.
// The sources run without a build step, so development wants a Node that strips types by itself; a system's Node that is
// older is left alone and the right one comes from the npm registry. The packages themselves need Node >= 22.12 only.
import { spawn } from 'node:child_process'

const pnpm = 'pnpm@12.21.0'
const fallbackNode = 'node@26.10.0'
const [major, minor] = process.versions.node.split('.').map(Number)
const nodeIsRecent = major > 22 || (major === 22 && minor >= 18)

const [script, ...rest] = process.argv.slice(2)
const tools = nodeIsRecent ? ['-p', pnpm] : ['-p', fallbackNode, '-p', pnpm]
const child = spawn('npx', ['--yes', ...tools, '--', 'pnpm', 'run', script, ...rest], {
  stdio: 'inherit',
  // A notice about a newer npm, in the middle of our output, would read like a problem of ours.
  env: { ...process.env, npm_config_update_notifier: 'false' },
  shell: process.platform === 'win32',
})
// Ctrl-C reaches the whole foreground group; a supervisor's SIGTERM reaches only us and has to be passed on.
for (const signal of ['SIGINT', 'SIGTERM']) process.on(signal, () => signal === 'SIGTERM' && child.kill(signal))
child.on('exit', (code, signal) => process.exit(code ?? (signal === 'SIGINT' ? 130 : 1)))
