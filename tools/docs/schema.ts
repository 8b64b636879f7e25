import type { JsonSchema } from '@mesh/server/documents'

/** A field of an object, ready to be read by a person. */
export interface FieldRow {
  /** Dotted; `[]` stands for the entries of an array, `?` at the end for a field that may be left out. */
  name: string
  /** Type and bounds in words. */
  type: string
}

// What `words` and `rows` say something about.
const known = new Set(
  'type properties required additionalProperties items anyOf enum const format pattern default $ref'
    .split(' ')
    .concat('minLength maxLength minItems maxItems minimum maximum uniqueItems'.split(' ')),
)

/**
 * The fields of an object, those of nested objects after the object they are in.
 * @throws TypeError for a keyword that it has no words for, so that no bound goes missing from the documents
 */
export function fieldsOf(schema: JsonSchema, prefix = ''): FieldRow[] {
  return Object.entries(schema.properties ?? {}).flatMap(([key, value]) => {
    const property = plain(value)
    const name = prefix + key
    const type = words(property)
    return [{ name: schema.required?.includes(key) ? name : `${name}?`, type }, ...nested(property, name)]
  })
}

function nested(schema: JsonSchema, name: string): FieldRow[] {
  const inner = (schema.anyOf ?? [schema]).map(plain)
  return inner.flatMap((each) =>
    each.type === 'array' ? nested(plain(each.items), `${name}[]`) : fieldsOf(each, `${name}.`),
  )
}

function words(schema: JsonSchema): string {
  const unknown = Object.keys(schema).find((keyword) => !known.has(keyword))
  if (unknown) throw new TypeError(`The documents have no words for the keyword ${unknown}`)
  if (schema.$ref) return schema.$ref.replace(/.*\//, '')
  if (schema.anyOf) return schema.anyOf.map((each) => words(plain(each))).join(', or ')
  if (schema.enum) return schema.enum.map((option) => `\`${String(option)}\``).join(', ')
  if (schema.const !== undefined) return `\`${JSON.stringify(schema.const)}\``
  switch (schema.type) {
    case 'string':
      return join(ofString(schema), range(schema.minLength, schema.maxLength, ' characters'))
    case 'integer':
    case 'number':
      return join(schema.type, range(bound(schema.minimum), bound(schema.maximum), ''))
    case 'boolean':
    case 'null':
      return schema.type
    case 'array':
      return join(`array of ${plural(words(plain(schema.items)))}`, range(schema.minItems, schema.maxItems, ''))
    case 'object':
      return 'object'
    default:
      throw new TypeError(`The documents have no words for the type ${String(schema.type)}`)
  }
}

function ofString({ format, pattern }: JsonSchema): string {
  if (format === 'date-time') return 'instant, ISO 8601 in UTC'
  if (format === 'uuid') return 'UUID'
  if (format !== undefined) throw new TypeError(`The documents have no words for the format ${format}`)
  if (pattern === undefined) return 'string'
  const [, kind] = /^\^([a-z0-9]+)_\[/.exec(pattern) ?? []
  return kind ? `id \`${kind}_…\`` : `string \`${pattern}\``
}

/** What every integer on the wire keeps to would be noise. */
function bound(value: number | undefined): number | undefined {
  return value === undefined || Math.abs(value) === Number.MAX_SAFE_INTEGER ? undefined : value
}

function plural(type: string): string {
  return type === 'string' || type === 'object' ? `${type}s` : type
}

function range(min: number | undefined, max: number | undefined, unit: string): string | undefined {
  if (min !== undefined && max !== undefined) return `${count(min)} to ${count(max)}${unit}`
  if (max !== undefined) return `at most ${count(max)}${unit}`
  // What every count is would be noise as well.
  return min === undefined || min === 0 ? undefined : `at least ${count(min)}${unit}`
}

const count = (value: number) => value.toLocaleString('en-US')

const join = (...parts: (string | undefined)[]) => parts.filter((part) => part !== undefined).join(', ')

/** A schema that says something; `true` and `false` are schemas as well, but the wire has none. */
function plain(schema: JsonSchema['items']): JsonSchema {
  if (typeof schema === 'object' && !Array.isArray(schema)) return schema
  throw new TypeError('The documents have no words for a schema that allows everything or nothing')
}
