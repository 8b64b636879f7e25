import { openapiDocument, type JsonSchema } from '@mesh/server/documents'
import { fieldsOf } from './schema.ts'
import { table } from './sections.ts'

interface Content {
  content?: { 'application/json': { schema: JsonSchema } }
}

/** What is read of an operation in the OpenAPI document. */
interface Operation {
  summary: string
  description?: string
  security: object[]
  parameters?: { name: string; in: string }[]
  requestBody?: Content
  responses: Record<string, Content>
}

interface Document {
  paths: Record<string, Record<string, Operation>>
  components: { schemas: Record<string, JsonSchema> }
}

// Said once above the table, because any request may be answered so.
const common = /^(AUTH_|BAD_MESSAGE$|MESSAGE_TOO_LARGE$|RATE_LIMITED$|UNAVAILABLE$|INTERNAL$)/

/** Every route in one table, then the objects that they answer with. */
export function restSection(): string {
  // The document is our own, and as OpenAPI has it.
  const { paths, components } = openapiDocument() as unknown as Document
  const routes = Object.entries(paths).flatMap(([path, operations]) =>
    Object.entries(operations).map(([method, operation]) => [
      requestOf(method, path, operation),
      [operation.summary, operation.description].filter(Boolean).join(' '),
      operation.security.length > 0 ? 'yes' : '',
      answerOf(operation),
      errorsOf(operation),
    ]),
  )
  const objects = Object.entries(components.schemas)
    .filter(([name]) => name !== 'Error')
    .map(([name, schema]) => `#### ${name}\n\n${fieldTable(schema)}`)
  return [table(['request', 'what it does', 'token', 'answer', 'its own errors'], routes), ...objects].join('\n\n')
}

/** The fields of an object in a table. */
export function fieldTable(schema: JsonSchema): string {
  return table(
    ['field', 'type'],
    fieldsOf(schema).map(({ name, type }) => [`\`${name}\``, type]),
  )
}

function requestOf(method: string, path: string, { parameters = [], requestBody }: Operation): string {
  const query = parameters.filter((each) => each.in === 'query').map(({ name }) => `${name}=`)
  const line = `\`${method.toUpperCase()} ${path}${query.length > 0 ? `?${query.join('&')}` : ''}\``
  const body = requestBody?.content?.['application/json'].schema
  return body ? `${line} \`${shapeOf(body)}\`` : line
}

function answerOf({ responses }: Operation): string {
  const [status, response] = Object.entries(responses).find(([code]) => code.startsWith('2')) ?? []
  const schema = response?.content?.['application/json'].schema
  return schema ? `${status} \`${shapeOf(schema)}\`` : String(status)
}

function errorsOf({ responses }: Operation): string {
  const codes = Object.values(responses).flatMap(
    ({ content }) => (content?.['application/json'].schema.properties?.['code'] as JsonSchema | undefined)?.enum ?? [],
  )
  return codes
    .filter((code) => !common.test(String(code)))
    .map((code) => `\`${String(code)}\``)
    .join(' ')
}

/** An object in short: the names of its fields, or its own. */
function shapeOf({ $ref, anyOf, type, items, properties = {}, required = [] }: JsonSchema): string {
  if ($ref) return $ref.replace(/.*\//, '')
  if (anyOf)
    return anyOf
      .map((each) => shapeOf(each as JsonSchema))
      .filter(Boolean)
      .join(' or ')
  if (type === 'array') return `[${shapeOf(items as JsonSchema)}]`
  if (type !== 'object') return ''
  const fields = Object.entries(properties).map(([name, value]) => {
    const key = required.includes(name) ? name : `${name}?`
    const shape = shapeOf(value as JsonSchema)
    return shape ? `${key}: ${shape}` : key
  })
  return fields.length > 0 ? `{ ${fields.join(', ')} }` : '{ … }'
}
