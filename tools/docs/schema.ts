import type * as v from 'valibot'

/** A field of a payload, ready to be read by a person. */
export interface FieldRow {
  /** Dotted; `[]` stands for the entries of an array, `?` at the end for a field that may be left out. */
  name: string
  /** Type and bounds in words. */
  type: string
}

/** What is read of a schema or of a check in its pipe: the parts that valibot documents for inspection. */
interface Node {
  readonly kind: 'schema' | 'validation' | 'transformation' | 'metadata'
  readonly type: string
  readonly pipe?: readonly Node[]
  readonly entries?: Readonly<Record<string, Node>>
  readonly item?: Node
  readonly wrapped?: Node
  readonly options?: readonly string[]
  readonly requirement?: unknown
}

/**
 * The fields of a payload, those of nested objects after the object they are in.
 * @throws TypeError for a schema or check that it has no words for, so that no bound goes missing from the documents
 */
export function fieldsOf(payload: v.GenericSchema): FieldRow[] {
  // Valibot's types hide the parts of a schema behind its exact shape, which a walk does not know.
  return rows(payload as unknown as Node, '')
}

function rows(node: Node, prefix: string): FieldRow[] {
  return Object.entries(node.entries ?? {}).flatMap(([key, value]) => {
    const { inner, optional, nullable } = unwrap(value)
    const name = prefix + key
    const type = nullable ? `${words(inner)}, or null` : words(inner)
    return [{ name: optional ? `${name}?` : name, type }, ...nested(inner, name)]
  })
}

function nested(node: Node, name: string): FieldRow[] {
  if (node.type === 'strict_object') return rows(node, `${name}.`)
  return node.type === 'array' && node.item ? nested(node.item, `${name}[]`) : []
}

function unwrap(node: Node): { inner: Node; optional: boolean; nullable: boolean } {
  if (!node.wrapped) return { inner: node, optional: false, nullable: false }
  const below = unwrap(node.wrapped)
  if (node.type === 'optional') return { ...below, optional: true }
  if (node.type === 'nullable') return { ...below, nullable: true }
  throw new TypeError(`The documents have no words for the schema ${node.type}`)
}

// What `words` says something about.
const checksWithWords = new Set([
  'min_length',
  'max_length',
  'min_value',
  'max_value',
  'safe_integer',
  'regex',
  'iso_timestamp',
])

function words(node: Node): string {
  const checks = (node.pipe ?? []).filter((part) => part.kind === 'validation')
  const has = (type: string) => checks.find((check) => check.type === type)?.requirement
  const unknown = checks.find((check) => !checksWithWords.has(check.type))
  if (unknown) throw new TypeError(`The documents have no words for the check ${unknown.type}`)

  switch (node.type) {
    case 'string': {
      if (has('iso_timestamp')) return 'instant, ISO 8601 in UTC'
      const pattern = has('regex')
      if (pattern instanceof RegExp) return ofPattern(pattern.source)
      return join('string', range(has('min_length'), has('max_length'), 'characters'))
    }
    case 'number':
      return join(has('safe_integer') ? 'integer' : 'number', range(has('min_value'), has('max_value'), ''))
    case 'boolean':
      return 'boolean'
    case 'picklist':
      return (node.options ?? []).map((option) => `\`${option}\``).join(', ')
    case 'array':
      return join(
        `array of ${node.item ? plural(words(node.item)) : 'anything'}`,
        range(has('min_length'), has('max_length'), ''),
      )
    case 'strict_object':
    case 'loose_object':
      return 'object'
    default:
      throw new TypeError(`The documents have no words for the schema ${node.type}`)
  }
}

function ofPattern(source: string): string {
  const [, kind] = /^\^([a-z0-9]+)_\[/.exec(source) ?? []
  return kind ? `id \`${kind}_…\`` : `string \`${source}\``
}

function plural(type: string): string {
  return type === 'string' || type === 'object' ? `${type}s` : type
}

function range(min: unknown, max: unknown, unit: string): string | undefined {
  const of = unit && ` ${unit}`
  if (min !== undefined && max !== undefined) return `${count(min)} to ${count(max)}${of}`
  if (max !== undefined) return `at most ${count(max)}${of}`
  // What every count is would be noise.
  return min === undefined || min === 0 ? undefined : `at least ${count(min)}${of}`
}

function count(value: unknown): string {
  return Number(value).toLocaleString('en-US')
}

function join(...parts: (string | undefined)[]): string {
  return parts.filter((part) => part !== undefined).join(', ')
}
