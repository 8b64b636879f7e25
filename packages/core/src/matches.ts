import type * as v from 'valibot'

/** Whether a value fits a schema, and nothing else: no copy, no reason. */
export type Matches = (value: unknown) => boolean

/**
 * Turns a wire schema into a plain check, a few times faster than a full validation, for the events that come a thousand
 * times a second. Whatever it refuses is validated in full for its reason, so a schema it cannot turn into a check costs
 * time and nothing else: undefined. That both agree on every schema of the table is tested.
 */
export function matcherOf(schema: v.GenericSchema): Matches | undefined {
  try {
    return compile(schema as Schema)
  } catch (error) {
    if (error instanceof Unknown) return undefined
    throw error
  }
}

class Unknown extends Error {}

// The shape that valibot gives its schemas and actions, as far as wire schemas use them.
interface Schema {
  type: string
  pipe?: readonly Schema[]
  kind?: string
  entries?: Record<string, Schema>
  wrapped?: Schema
  item?: Schema
  options?: readonly unknown[]
  literal?: unknown
  requirement?: unknown
}

function compile(schema: Schema): Matches {
  if (!schema.pipe) return compileType(schema)
  const checks = schema.pipe.map((part) => (part.kind === 'validation' ? compileAction(part) : compileType(part)))
  const [first, second, third] = checks
  // Written out, since a loop over two or three checks costs as much as the checks.
  if (first && checks.length === 1) return first
  if (first && second && checks.length === 2) return (value) => first(value) && second(value)
  if (first && second && third && checks.length === 3) return (value) => first(value) && second(value) && third(value)
  return (value) => checks.every((check) => check(value))
}

function compileType(schema: Schema): Matches {
  switch (schema.type) {
    case 'string':
      return (value) => typeof value === 'string'
    case 'number':
      return (value) => typeof value === 'number'
    case 'boolean':
      return (value) => typeof value === 'boolean'
    case 'literal':
      return (value) => value === schema.literal
    case 'picklist': {
      const options = new Set(schema.options)
      return (value) => options.has(value)
    }
    case 'nullable': {
      const wrapped = compile(must(schema.wrapped))
      return (value) => value === null || wrapped(value)
    }
    case 'optional':
      // That a member may be missing is its object's to know; undefined does not come out of JSON.
      return compile(must(schema.wrapped))
    case 'union': {
      const options = must(schema.options).map((option) => compile(option as Schema))
      return (value) => options.some((option) => option(value))
    }
    case 'array': {
      const item = compile(must(schema.item))
      return (value) => Array.isArray(value) && value.every(item)
    }
    case 'strict_object':
      return compileObject(must(schema.entries))
    default:
      throw new Unknown()
  }
}

function compileObject(entries: Record<string, Schema>): Matches {
  const members = new Map(
    Object.entries(entries).map(([key, schema]) => [
      key,
      { matches: compile(schema), weight: schema.type === 'optional' ? 0 : 1 },
    ]),
  )
  const required = [...members.values()].reduce((sum, { weight }) => sum + weight, 0)
  return (value) => {
    if (typeof value !== 'object' || value === null || Array.isArray(value)) return false
    // What JSON.parse made has no members but its own.
    const object = value as Record<string, unknown>
    let found = 0
    for (const key in object) {
      const member = members.get(key)
      if (!member || !member.matches(object[key])) return false
      found += member.weight
    }
    return found === required
  }
}

function compileAction({ type, requirement }: Schema): Matches {
  // Each follows a check of the type that it is for.
  switch (type) {
    case 'regex':
      return (value) => (requirement as RegExp).test(value as string)
    case 'min_length':
      return (value) => (value as string).length >= (requirement as number)
    case 'max_length':
      return (value) => (value as string).length <= (requirement as number)
    case 'min_value':
      return (value) => (value as number) >= (requirement as number)
    case 'max_value':
      return (value) => (value as number) <= (requirement as number)
    case 'safe_integer':
      return Number.isSafeInteger
    default:
      throw new Unknown()
  }
}

function must<T>(part: T | undefined): T {
  if (part === undefined) throw new Unknown()
  return part
}
