import { readFile } from 'node:fs/promises'
import type { IncomingMessage, ServerResponse } from 'node:http'
import { fileURLToPath } from 'node:url'
import { build } from 'esbuild'

/** What the pages are made with. */
export interface PagesOptions {
  /** The names under which the server may be addressed, as in a Host header. */
  hosts: string[]
  links: { alice: string; bob: string }
}

/** Answers a request for a page. */
export type PageHandler = (request: IncomingMessage, response: ServerResponse) => void

interface File {
  type: string
  body: string | Uint8Array
}

/** Bundles the page and returns what answers the requests for it. */
export async function createPages({ hosts, links }: PagesOptions): Promise<PageHandler> {
  const files = new Map<string, File>([
    ['/', html((await source('index.html')).replace('{{alice}}', links.alice).replace('{{bob}}', links.bob))],
    ['/room', html(await source('room.html'))],
    ['/style.css', { type: 'text/css', body: await source('style.css') }],
    ['/room.js', { type: 'text/javascript', body: await bundle() }],
  ])
  const headers = {
    'content-security-policy': [
      "default-src 'none'",
      "script-src 'self'",
      "style-src 'self'",
      // Some browsers do not take 'self' for a WebSocket of the same origin.
      `connect-src 'self' ${hosts.map((host) => `ws://${host}`).join(' ')}`,
      'img-src data:',
      "base-uri 'none'",
      "form-action 'none'",
      "frame-ancestors 'none'",
    ].join('; '),
    'permissions-policy': 'camera=(self), microphone=(self), display-capture=(self)',
    'referrer-policy': 'no-referrer',
    'x-content-type-options': 'nosniff',
    'cache-control': 'no-store',
  }
  return respond

  function respond(request: IncomingMessage, response: ServerResponse): void {
    // A foreign name that somebody pointed at the loopback address (DNS rebinding) must not be shown the links.
    if (!hosts.includes(request.headers.host ?? '')) return send(response, 421, 'Not the address of this demo\n')
    const file = files.get((request.url ?? '/').replace(/\?.*$/s, ''))
    if (!file) return send(response, 404, 'Not found\n')
    if (request.method !== 'GET' && request.method !== 'HEAD') return send(response, 405, 'Only GET\n')
    response.writeHead(200, { ...headers, 'content-type': `${file.type}; charset=utf-8` })
    response.end(request.method === 'HEAD' ? undefined : file.body)
  }
}

function send(response: ServerResponse, status: number, text: string): void {
  response.writeHead(status, { 'content-type': 'text/plain; charset=utf-8' }).end(text)
}

function html(body: string): File {
  return { type: 'text/html', body }
}

function source(name: string): Promise<string> {
  return readFile(new URL(`page/${name}`, import.meta.url), 'utf8')
}

async function bundle(): Promise<Uint8Array> {
  const { outputFiles } = await build({
    entryPoints: [fileURLToPath(new URL('page/main.ts', import.meta.url))],
    bundle: true,
    format: 'esm',
    target: 'es2022',
    minify: true,
    write: false,
    // As `--conditions` does for Node: the packages' sources, so that nothing has to be built before.
    conditions: ['@mesh/source'],
  })
  const [file] = outputFiles
  if (!file) throw new Error('esbuild made no bundle of the page')
  return file.contents
}
