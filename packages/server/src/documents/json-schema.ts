import { toJsonSchema, type ConversionConfig, type JsonSchema } from '@valibot/to-json-schema'
import type * as v from 'valibot'

export type { JsonSchema }

/** Who writes what a schema describes. */
export type Author = 'client' | 'server'

/**
 * A schema as JSON Schema, draft 2020-12. What clients write is closed, as the server judges it; what the server writes is
 * open, because clients ignore what they do not know; `additionalProperties: true` marks what really may hold anything.
 *
 * @param named schemas that have a name of their own, and are referred to by it (`#/components/schemas/NAME`)
 * @throws Error when a part of the schema is beyond JSON Schema: nothing goes missing in silence
 */
export function jsonSchemaOf(
  schema: v.GenericSchema,
  author: Author,
  named: Readonly<Record<string, v.GenericSchema>> = {},
): JsonSchema {
  const config: ConversionConfig = {
    target: 'draft-2020-12',
    // The schema after a transformation: the number that the text of a query becomes.
    typeMode: 'output',
    errorMode: 'throw',
    definitions: named,
    overrideRef: ({ referenceId }) => `#/components/schemas/${referenceId}`,
    overrideSchema: (context) => (author === 'server' ? opened(context) : undefined),
  }
  const { $schema: _, $defs: __, ...converted } = toJsonSchema(schema, config)
  return converted
}

const opened: NonNullable<ConversionConfig['overrideSchema']> = ({ valibotSchema, jsonSchema }) => {
  if (valibotSchema.type === 'loose_object') return { ...jsonSchema, additionalProperties: true }
  // No override for anything else: it would hide an error.
  if (valibotSchema.type !== 'strict_object') return undefined
  const { additionalProperties: _, ...open } = jsonSchema
  return open
}
