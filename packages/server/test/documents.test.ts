import { execFile } from 'node:child_process'
import { createRequire } from 'node:module'
import { promisify } from 'node:util'
import { clientEvents, serverEvents } from '@mesh/core'
import { asyncapiDocument, frameSchemas, jsonSchemaOf, openapiDocument } from '@mesh/server/documents'
import { Validator } from '@seriousme/openapi-schema-validator'
import { Ajv } from 'ajv'
import * as v from 'valibot'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { createAjv } from './published.ts'
import { createRig, type Rig } from './support.ts'

let rig: Rig
beforeAll(async () => void (rig = await createRig({ basePath: '/mesh', publicUrl: 'https://example.org' })))
afterAll(() => rig.close())

const served = async (name: string) => {
  const response = await fetch(`${rig.base}/mesh/api/v1/${name}`)
  return { cache: response.headers.get('cache-control'), document: (await response.json()) as Record<string, unknown> }
}

async function expectOpenapi(document: Record<string, unknown>): Promise<void> {
  const validator = new Validator()
  expect(await validator.validate(structuredClone(document))).toEqual({ valid: true })
  expect(validator.version).toBe('3.1')
}

function expectAsyncapi(document: object): void {
  const schema = createRequire(import.meta.url)('@asyncapi/specs/schemas/3.0.0.json') as object
  // It brings the meta-schema of JSON Schema along.
  const ajv = new Ajv({ meta: false, validateSchema: false, strict: false, validateFormats: false })
  expect(ajv.validate(schema, document), ajv.errorsText()).toBe(true)
}

describe('the OpenAPI document', () => {
  it('is valid', () => expectOpenapi(openapiDocument()))

  it('is served to anybody, with the base path, and may be kept', async () => {
    const { cache, document } = await served('openapi.json')
    await expectOpenapi(document)
    expect(cache).toBe('public, max-age=3600')
    expect(document).toMatchObject({ servers: [{ url: '/mesh' }] })
  })

  it('leads nowhere that is not there', () => {
    const text = JSON.stringify(openapiDocument())
    const { components } = openapiDocument() as { components: { schemas: object } }
    const names = [...text.matchAll(/"#\/components\/schemas\/(\w+)"/g)].map(([, name]) => name)
    expect(new Set(names)).toEqual(new Set(Object.keys(components.schemas)))
  })

  it('shows the numbers that the text of a query becomes', () => {
    expect(openapiDocument()).toMatchObject({
      paths: {
        '/api/v1/rooms/{room_id}/messages': {
          get: {
            parameters: [
              { name: 'room_id', in: 'path', required: true },
              { name: 'before_seq', in: 'query', schema: { type: 'integer', minimum: 0 } },
              { name: 'limit', in: 'query', schema: { type: 'integer', minimum: 1, maximum: 1000, default: 100 } },
            ],
          },
        },
      },
    })
  })

  it('has no accounts where the host application has its own', async () => {
    const host = await createRig({ authenticate: () => ({ id: '1', name: 'ann' }) })
    try {
      const { body } = await host.rest('GET', '/api/v1/openapi.json')
      expect(Object.keys(body.paths as object).filter((path) => /\/(auth|users)/.test(path))).toEqual([
        '/api/v1/auth/device',
      ])
      expect(body.paths).toHaveProperty(['/api/v1/rooms'])
      expect(await host.rest('POST', '/api/v1/auth/login', {})).toMatchObject({ status: 404 })
    } finally {
      await host.close()
    }
  })
})

describe('the AsyncAPI document', () => {
  it('is valid', () => expectAsyncapi(asyncapiDocument()))

  it('is served to anybody, with the address of the server, and may be kept', async () => {
    const { cache, document } = await served('asyncapi.json')
    expectAsyncapi(document)
    expect(cache).toBe('public, max-age=3600')
    expect(document).toMatchObject({
      servers: { mesh: { host: 'example.org', pathname: '/mesh', protocol: 'wss' } },
      'x-mesh-limits': rig.mesh.engine.limits,
    })
  })

  it('has every event of the table, and its answer', () => {
    const { operations } = asyncapiDocument() as { operations: Record<string, unknown> }
    const names = (action: string, events: object) => Object.keys(events).map((type) => `${action}.${type}`)
    expect(new Set(Object.keys(operations))).toEqual(
      new Set([...names('receive', clientEvents), ...names('send', serverEvents), 'send.error']),
    )
    const messages = '#/channels/mesh/messages'
    expect(operations['receive.room.join']).toMatchObject({
      reply: { messages: [{ $ref: `${messages}/server.room.joined` }, { $ref: `${messages}/server.error` }] },
    })
  })

  it('leads nowhere that is not there', () => {
    const document = asyncapiDocument()
    for (const [, path] of JSON.stringify(document).matchAll(/"\$ref":"#\/([^"]+)"/g)) {
      let at: unknown = document
      for (const key of String(path).split('/')) at = (at as Record<string, unknown>)[key]
      expect(at, path).toBeTypeOf('object')
    }
  })
})

describe('the JSON Schemas', () => {
  it.each([...frameSchemas()])('of %s compiles', (path, schema) => {
    const validate = createAjv().compile(schema as object)
    expect(validate({})).toBe(false)
    expect((schema as { $id: string }).$id).toBe(`urn:mesh:v1:${path.replace('/', ':').replace('.json', '')}`)
  })

  it('close what clients send and leave open what the server sends', () => {
    const frame = {
      type: 'presence.update',
      id: '0b5f1c0a-8d8c-4c38-9d4e-0d8f7c1b2a3e',
      timestamp: '2026-01-01T12:00:00.000Z',
      to: `room_${'a'.repeat(22)}`,
      payload: { status: 'away' },
    }
    const more = { ...frame, payload: { ...frame.payload, mood: 'fine' } }
    const client = createAjv().compile(frameSchemas().get('client/presence.update.json') as object)
    expect([client(frame), client(more)]).toEqual([true, false])

    const told = { peer_id: `peer_${'a'.repeat(22)}`, user_id: `usr_${'a'.repeat(22)}`, last_seen: frame.timestamp }
    const server = createAjv().compile(frameSchemas().get('server/presence.update.json') as object)
    expect(server({ ...more, from: 'server', payload: { ...more.payload, ...told } })).toBe(true)
  })

  it('refuse what they cannot say', () => {
    const check = v.pipe(
      v.string(),
      v.check((text) => text === text.trim()),
    )
    for (const author of ['client', 'server'] as const) {
      expect(() => jsonSchemaOf(v.strictObject({ check }), author)).toThrow('check')
      expect(() => jsonSchemaOf(v.strictObject({ when: v.date() }), author)).toThrow('date')
    }
  })
})

it('takes no time of a server that nobody asks for its documents', async () => {
  const program = `
    import { registerHooks } from 'node:module'
    const loaded = []
    registerHooks({ load: (url, context, next) => (loaded.push(url), next(url, context)) })
    const { createMesh } = await import('@mesh/server')
    const { mkdtempSync, rmSync } = await import('node:fs')
    const { tmpdir } = await import('node:os')
    const dataDir = mkdtempSync(tmpdir() + '/mesh-')
    const mesh = await createMesh({ dataDir })
    const isThere = () => loaded.some((url) => url.includes('to-json-schema'))
    const before = isThere()
    await mesh.fetch(new Request('http://localhost/api/v1/openapi.json'))
    console.log(JSON.stringify([before, isThere()]))
    await mesh.close()
    rmSync(dataDir, { recursive: true })`
  const { stdout } = await promisify(execFile)(process.execPath, [
    ...process.execArgv,
    '--input-type=module',
    '--eval',
    program,
  ])
  expect(JSON.parse(stdout)).toEqual([false, true])
})
