import fc from 'fast-check'
import type { Random } from './random.ts'

/** As much of JSON Schema as the OpenAPI document is made of. */
export interface JsonSchema {
  $ref?: string
  type?: string | readonly string[]
  enum?: readonly unknown[]
  const?: unknown
  anyOf?: readonly JsonSchema[]
  oneOf?: readonly JsonSchema[]
  properties?: Record<string, JsonSchema>
  required?: readonly string[]
  items?: JsonSchema
  minItems?: number
  maxItems?: number
  pattern?: string
  minLength?: number
  maxLength?: number
  minimum?: number
  maximum?: number
}

/** A value that fits a schema; `known` may offer one for the name of a field. */
export function sampleOf(
  schema: JsonSchema,
  random: Random,
  known: (name: string) => string | number | undefined,
  name = '',
): unknown {
  const again = (inner: JsonSchema, of = name) => sampleOf(inner, random, known, of)
  const options = schema.anyOf ?? schema.oneOf
  if (options) return again(random.pick(options))
  if (schema.enum) return random.pick(schema.enum)
  if (schema.const !== undefined) return schema.const
  switch (schema.type) {
    case 'object': {
      const fields = Object.entries(schema.properties ?? {})
      const present = fields.filter(([key]) => schema.required?.includes(key) || random.chance(0.5))
      return Object.fromEntries(present.map(([key, inner]) => [key, again(inner, key)]))
    }
    case 'array': {
      const { minItems = 0, maxItems = Infinity, items = {} } = schema
      return Array.from({ length: Math.min(maxItems, minItems + random.below(3)) }, () => again(items))
    }
    case 'string':
      return known(name) ?? text(schema, random)
    case 'integer':
    case 'number':
      return known(name) ?? Math.min(schema.maximum ?? Infinity, (schema.minimum ?? 0) + random.below(100))
    case 'boolean':
      return random.chance(0.5)
    default:
      throw new TypeError(`Nothing is known of how to sample ${JSON.stringify(schema)}`)
  }
}

const made = new Map<string, readonly string[]>()

function text({ pattern, minLength = 0, maxLength = Infinity }: JsonSchema, random: Random): string {
  if (pattern === undefined) return 'x'.repeat(Math.min(maxLength, minLength + random.below(12)))
  const samples =
    made.get(pattern) ?? fc.sample(fc.stringMatching(new RegExp(pattern)), { seed: random.below(2 ** 31), numRuns: 16 })
  made.set(pattern, samples)
  return random.pick(samples)
}
