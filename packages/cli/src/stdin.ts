import { createInterface } from 'node:readline/promises'
import { Writable } from 'node:stream'
import { InvalidArgumentError } from 'commander'

/** More than any password or token has, in bytes. */
const longest = 64 * 1024

/** All of the standard input, without the line end that editors and `echo` put behind it. */
export async function readStdin(): Promise<string> {
  const chunks: Buffer[] = []
  let size = 0
  for await (const chunk of process.stdin as AsyncIterable<Buffer>) {
    size += chunk.length
    if (size > longest) throw new InvalidArgumentError('The standard input is too long.')
    chunks.push(chunk)
  }
  return Buffer.concat(chunks)
    .toString('utf8')
    .replace(/\r?\n$/, '')
}

/** A secret from the standard input. At a terminal it is asked for by its name, and not shown. */
export async function readSecret(name: 'Password' | 'Token'): Promise<string> {
  if (!process.stdin.isTTY) return readStdin()
  process.stderr.write(`${name}: `)
  const silent = new Writable({ write: (_chunk, _encoding, done) => done() })
  const terminal = createInterface({ input: process.stdin, output: silent, terminal: true })
  // In raw mode the terminal sends no signal; the interface would swallow it.
  terminal.once('SIGINT', () => process.kill(process.pid, 'SIGINT'))
  try {
    return await terminal.question('')
  } finally {
    terminal.close()
    process.stderr.write('\n')
  }
}
