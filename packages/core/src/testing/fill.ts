import type * as v from 'valibot'

/** A place in a payload where the schema leaves a choice, and how far. */
export interface Slot {
  /** The innermost field that it belongs to. */
  readonly key: string
  /** The dotted path, `[]` for the entries of an array. */
  readonly path: string
  /** Bounds of the length of a text or array, or of a number. */
  readonly min: number
  readonly max: number
  /** What a text has to look like. */
  readonly pattern: RegExp | undefined
}

/** Makes the choices that a schema leaves. */
export interface Choices {
  /** Whether an optional field is there. */
  has(slot: Slot): boolean
  /** Whether a nullable field is null. */
  isNull(slot: Slot): boolean
  text(slot: Slot): string
  number(slot: Slot): number
  /** How many entries an array has. */
  length(slot: Slot): number
  flag(slot: Slot): boolean
  pick<T>(slot: Slot, options: readonly T[]): T
}

/** What is read of a schema or of a check in its pipe: the parts that valibot documents for inspection. */
interface Node {
  readonly type: string
  readonly pipe?: readonly Node[]
  readonly entries?: Readonly<Record<string, Node>>
  readonly item?: Node
  readonly wrapped?: Node
  readonly options?: readonly unknown[]
  readonly literal?: unknown
  readonly requirement?: unknown
}

/**
 * Makes a value that fits a schema of the table, for tests that go through every event there is, those included that are
 * written after them. Whether it also makes sense is up to the choices.
 * @throws TypeError for a schema that it does not know, so that no field stays untested without a word
 */
export function fill(schema: v.GenericSchema, choices: Choices): unknown {
  // Valibot's types hide the parts of a schema behind its exact shape, which a walk does not know.
  return make(schema as unknown as Node, '', '', choices)
}

function make(node: Node, key: string, path: string, choices: Choices): unknown {
  const slot = slotOf(node, key, path)
  switch (node.type) {
    case 'string':
      return choices.text(slot)
    case 'number':
      return choices.number(slot)
    case 'boolean':
      return choices.flag(slot)
    case 'literal':
      return node.literal
    case 'picklist':
      return choices.pick(slot, node.options ?? [])
    case 'union':
    case 'variant':
      // The options of both are schemas.
      return make(choices.pick(slot, (node.options ?? []) as Node[]), key, path, choices)
    case 'optional':
    case 'exact_optional':
    case 'nullable': {
      const isLeftOut = node.type === 'nullable' ? choices.isNull(slot) : !choices.has(slot)
      if (isLeftOut || !node.wrapped) return node.type === 'nullable' ? null : undefined
      return make(node.wrapped, key, path, choices)
    }
    case 'array':
      return Array.from({ length: choices.length(slot) }, () =>
        node.item ? make(node.item, key, `${path}[]`, choices) : null,
      )
    case 'strict_object':
    case 'loose_object':
    case 'object':
      return object(node, path, choices)
    default:
      throw new TypeError(`Nothing is known of how to fill the schema ${node.type} at ${path}`)
  }
}

function object(node: Node, path: string, choices: Choices): object {
  const made = Object.entries(node.entries ?? {}).map(
    ([key, entry]) => [key, make(entry, key, path === '' ? key : `${path}.${key}`, choices)] as const,
  )
  return Object.fromEntries(made.filter(([, value]) => value !== undefined))
}

const lowest = new Set(['min_length', 'min_bytes', 'min_value', 'length', 'non_empty'])
const highest = new Set(['max_length', 'max_bytes', 'max_value', 'length'])

function slotOf(node: Node, key: string, path: string): Slot {
  const checks = node.pipe ?? []
  const bound = (kinds: Set<string>) => checks.find((check) => kinds.has(check.type))
  const pattern = checks.find((check) => check.type === 'regex')?.requirement
  const min = bound(lowest)
  return {
    key,
    path,
    min: min?.type === 'non_empty' ? 1 : Number(min?.requirement ?? 0),
    max: Number(bound(highest)?.requirement ?? Number.MAX_SAFE_INTEGER),
    pattern: pattern instanceof RegExp ? pattern : undefined,
  }
}
