import { frameSchemas } from '@mesh/server/documents'
import { Ajv2020, type ValidateFunction } from 'ajv/dist/2020.js'
import formats from 'ajv-formats'

interface Openapi {
  servers: [{ url: string }]
  paths: Record<string, Record<string, Operation>>
  components: { schemas: Record<string, object> }
}

interface Operation {
  responses: Record<string, { content?: { 'application/json': { schema: object } } }>
}

/** A validator as strict as can be, with the formats that the documents use. */
export function createAjv(): Ajv2020 {
  const ajv = new Ajv2020({ allErrors: true, strictTypes: false })
  // The plugin's types are those of a CommonJS module, whose default is the function itself.
  const addFormats = formats as unknown as (ajv: Ajv2020) => void
  addFormats(ajv)
  return ajv
}

/**
 * A schema of what the server writes, closed: clients ignore what they do not know, but a field that nobody documented is a
 * mistake, or a secret.
 */
export function closed(schema: unknown): unknown {
  if (Array.isArray(schema)) return schema.map(closed)
  if (typeof schema !== 'object' || schema === null) return schema
  const inner = Object.fromEntries(Object.entries(schema).map(([key, value]) => [key, closed(value)]))
  return 'type' in schema && schema.type === 'object' ? { additionalProperties: false, ...inner } : inner
}

/** Judges answers of REST by the OpenAPI document that the server itself hands out. */
export function createAnswerCheck(openapi: unknown) {
  // The validation of the document itself is another test's.
  const { servers, paths, components } = openapi as Openapi
  const ajv = createAjv()
  for (const [name, schema] of Object.entries(components.schemas)) ajv.addSchema(standalone(schema), urn(name))
  const prefix = servers[0].url.replace(/\/$/, '')
  const templates = Object.keys(paths).map((template) => ({
    template,
    pattern: new RegExp(`^${prefix}${template.replaceAll('.', '\\.').replaceAll(/\{\w+\}/g, '[^/]+')}$`),
  }))
  const validators = new Map<string, ValidateFunction>()

  /** @throws Error when an answer is not one of those that the document has for its route */
  return function check(method: string, path: string, status: number, body: unknown): void {
    const pathname = path.replace(/\?.*/s, '')
    const template = templates.find(({ pattern }) => pattern.test(pathname))?.template
    const operation = template === undefined ? undefined : paths[template]?.[method.toLowerCase()]
    // The document is about the routes there are; tests themselves say that nothing else is there.
    if (!operation) return
    const key = `${method} ${template} ${status}`
    const response = operation.responses[status]
    if (!response) throw new Error(`${key} is not in the OpenAPI document`)
    const schema = response.content?.['application/json'].schema
    if (!schema) return
    const validate = validators.get(key) ?? ajv.compile(standalone(schema))
    validators.set(key, validate)
    if (!validate(body)) throw new Error(`${key}: ${ajv.errorsText(validate.errors)} in ${JSON.stringify(body)}`)
  }
}

/** Judges frames of the server by the JSON Schemas that are published. */
export function createFrameCheck() {
  const ajv = createAjv()
  const schemas = frameSchemas()

  /** @throws Error when a frame is not one of those that the server sends */
  return function check(frame: { type: string }): void {
    const path = `server/${frame.type}.json`
    const schema = schemas.get(path)
    if (!schema) throw new Error(`There is no schema for ${JSON.stringify(frame)}`)
    const validate = ajv.getSchema(path) ?? ajv.addSchema(closed(schema) as object, path).getSchema(path)
    if (!validate?.(frame)) throw new Error(`${path}: ${ajv.errorsText(validate?.errors)} in ${JSON.stringify(frame)}`)
  }
}

const urn = (name: string) => `urn:mesh:component:${name}`

/** A schema closed, and out of its document. */
function standalone(schema: object): object {
  return JSON.parse(JSON.stringify(closed(schema)).replaceAll('#/components/schemas/', urn(''))) as object
}
