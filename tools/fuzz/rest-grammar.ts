import { sampleOf, type JsonSchema } from './json-schema.ts'
import { mutated, scratched } from './mutate.ts'
import { inherited, nasty, write } from './nasty.ts'
import type { Pool } from './pool.ts'
import type { Random } from './random.ts'

interface Parameter {
  name: string
  in: 'path' | 'query' | 'header'
  required?: boolean
  schema: JsonSchema
}

/** A route, as the OpenAPI document has it. */
export interface Operation {
  method: string
  path: string
  operationId: string
  security?: readonly object[]
  parameters?: readonly Parameter[]
  requestBody?: { content: Record<string, { schema: JsonSchema }> }
  responses: Record<string, { content?: Record<string, { schema: JsonSchema }> }>
}

/** A request as bytes. */
export interface RestRequest {
  bytes: Buffer
  /** Where nothing is wrong with it: the route. */
  sound?: Operation
  isHead: boolean
  /** Whether the server may hang up without a word: what was sent is no whole request, or asks for a tunnel. */
  isCut: boolean
}

/** The operations of an OpenAPI document. */
export function operationsOf({ paths }: { paths: Record<string, Record<string, object>> }): Operation[] {
  return Object.entries(paths).flatMap(([path, methods]) =>
    // The document has been held to its meta-schema by the server's own tests.
    Object.entries(methods).map(
      ([method, operation]) => ({ ...operation, method: method.toUpperCase(), path }) as Operation,
    ),
  )
}

/** Makes requests by the OpenAPI document: sound ones, and a share of wrong ones. */
export function createRestGrammar(random: Random, operations: readonly Operation[], wrong = 0.7) {
  function valueOf({ name, schema }: Parameter, pool: Pool): string {
    return String(sampleOf(schema, random, (key) => known(key, pool), name))
  }

  function known(name: string, pool: Pool): string | number | undefined {
    const seen = pool.of(name)
    return seen.length > 0 && random.chance(0.8) ? random.pick(seen) : undefined
  }

  function target({ path, parameters = [] }: Operation, pool: Pool): string {
    const filled = parameters
      .filter((parameter) => parameter.in === 'path')
      .reduce((text, parameter) => text.replace(`{${parameter.name}}`, valueOf(parameter, pool)), path)
    const query = parameters
      .filter((parameter) => parameter.in === 'query' && (parameter.required || random.chance(0.4)))
      .map((parameter) => `${parameter.name}=${encodeURIComponent(valueOf(parameter, pool))}`)
    return query.length > 0 ? `${filled}?${query.join('&')}` : filled
  }

  function wrongTarget(path: string): string {
    return random.pick<() => string>([
      () => path,
      () => scratched(random, path).replaceAll(/[\s\u0080-\uffff]/g, '%C3%A4'),
      () => `${path}%00`,
      () => path.replaceAll('/', '//'),
      () => path.replace('/api', '/../api/..;/api'),
      () => path.replaceAll('_', '%5f').replace('rooms', '%72ooms'),
      () => `${path}/%2e%2e/%2e%2e/etc/passwd`,
      () => `${path}?${'a'.repeat(random.pick([100, 4_000, 20_000]))}=1`,
      () =>
        `${path}${path.includes('?') ? '&' : '?'}limit=${random.pick(['-1', '0', '1e9', '9999', 'NaN', '%00', '1&limit=2', '[]'])}`,
      () => `${path}?after=${random.pick(['-1', '1e400', '9007199254740993', '%ff', random.pick(inherited)])}`,
      () => path.replace(/[^/]+$/, random.pick([...inherited, '%ED%A0%80', '%', '%zz', '.', '..', '*'])),
      () => `http://elsewhere.example${path}`,
      () => 'x'.repeat(9_000),
    ])()
  }

  function wrongBody(body: unknown, foreign: readonly string[]): Buffer {
    return random.pick<() => Buffer>([
      ...Array.from({ length: 6 }, () => () => Buffer.from(mutated(random, Object(body ?? {}), foreign))),
      () => Buffer.from(write(nasty(random))),
      () => Buffer.alloc(0),
      () => Buffer.from(JSON.stringify({ a: 'x'.repeat(random.pick([65_500, 65_529, 65_530, 200_000])) })),
      () => random.bytes(random.below(200)),
      () => Buffer.from([0xef, 0xbb, 0xbf, 0x7b, 0x7d]),
      () => Buffer.from('{"username":"\xff\xfe"}', 'latin1'),
    ])()
  }

  const wrongHeaders: readonly (() => string[])[] = [
    () => [],
    () => [],
    () => ['content-type: text/plain'],
    () => ['content-type: application/json; charset=utf-16'],
    () => ['content-type: multipart/form-data; boundary=x'],
    () => ['content-encoding: gzip'],
    () => [`x-long: ${'y'.repeat(random.pick([1_000, 9_000]))}`],
    () => Array.from({ length: 200 }, (_, i) => `x-${i}: 1`),
    () => [`origin: ${random.pick(['null', 'https://evil.example', 'x'])}`],
    () => [
      `authorization: ${random.pick(['Bearer', 'Bearer x', `Bearer ${'a.'.repeat(2_000)}`, 'Basic eDp5', 'bearer \u00e4'])}`,
    ],
    () => ['expect: 100-continue'],
    () => ['expect: something'],
    () => ['upgrade: websocket', 'connection: upgrade'],
    () => ['x-http-method-override: DELETE'],
    () => ['range: bytes=0-1'],
    () => ['cookie: \u0001'],
    () => ['no colon'],
  ]

  return {
    next(pool: Pool, token: string, foreign: readonly string[]): RestRequest {
      const picked = random.pick(operations)
      // A password is hashed for most of a second, which is its point.
      const operation = /login|password/.test(picked.path) && random.chance(0.95) ? random.pick(operations) : picked
      const schema = operation.requestBody?.content['application/json']?.schema
      const body = schema && sampleOf(schema, random, (key) => known(key, pool))
      const isSound = !random.chance(wrong)
      const headers = ['host: mesh', 'connection: close']
      if (operation.security?.length !== 0 && (isSound || random.chance(0.9)))
        headers.push(`authorization: Bearer ${token}`)
      const path = target(operation, pool)
      if (isSound) {
        const bytes = body === undefined ? undefined : Buffer.from(JSON.stringify(body))
        return { ...assemble(operation.method, path, headers, bytes), sound: operation, isHead: false, isCut: false }
      }
      const method = random.chance(0.7)
        ? operation.method
        : random.pick([
            'HEAD',
            'OPTIONS',
            'PUT',
            'DELETE',
            'TRACE',
            'CONNECT',
            'PROPFIND',
            'get',
            'BREW',
            'G\u00cbT',
            '',
          ])
      headers.push(...random.pick(wrongHeaders)())
      const bytes = random.chance(0.1) ? undefined : wrongBody(body, foreign)
      return { ...assemble(method, wrongTarget(path), headers, bytes, lie()), isHead: method === 'HEAD' }
    },
  }

  /** How the body is delimited: mostly as it should be. */
  function lie(): 'short' | 'long' | 'chunked' | 'garbage' | 'both' | undefined {
    return random.chance(0.8) ? undefined : random.pick(['short', 'long', 'chunked', 'garbage', 'both'])
  }

  function assemble(
    method: string,
    path: string,
    headers: readonly string[],
    body: Buffer | undefined,
    lie?: 'short' | 'long' | 'chunked' | 'garbage' | 'both',
  ): { bytes: Buffer; isCut: boolean } {
    const lines = [`${method} ${path} HTTP/1.1`, ...headers]
    let content = body ?? Buffer.alloc(0)
    if (body && !headers.some((header) => header.startsWith('content-type')))
      lines.push('content-type: application/json')
    if (lie === 'chunked' || lie === 'garbage' || lie === 'both') {
      lines.push('transfer-encoding: chunked')
      if (lie === 'both') lines.push(`content-length: ${content.length}`)
      const size = lie === 'garbage' ? random.pick(['zz', '-1', 'ffffffffffffffff', '']) : content.length.toString(16)
      const end = content.length > 0 ? '\r\n0\r\n\r\n' : '\r\n'
      content = Buffer.concat([Buffer.from(`${size}\r\n`), content, Buffer.from(end)])
    } else if (body) {
      const length = content.length + (lie === 'short' ? -Math.min(2, content.length) : lie === 'long' ? 50 : 0)
      lines.push(`content-length: ${length}`)
    }
    return {
      bytes: Buffer.concat([Buffer.from(`${lines.join('\r\n')}\r\n\r\n`, 'latin1'), content]),
      isCut: (lie !== undefined && lie !== 'chunked') || method === 'CONNECT',
    }
  }
}
