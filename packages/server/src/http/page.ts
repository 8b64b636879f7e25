import { field } from '@mesh/core'
import * as v from 'valibot'

// What stands in a query is text; documents show the number that it becomes.
const number = (min: number, max: number) =>
  v.pipe(
    v.string(),
    v.regex(/^\d{1,15}$/),
    v.transform((text) => Math.min(Number(text), max)),
    v.number(),
    v.safeInteger(),
    v.minValue(min),
    v.maxValue(max),
  )

const numberOr = (unlessAsked: number, min: number, max: number) =>
  v.pipe(v.optional(number(min, max), String(unlessAsked)), v.metadata({ default: unlessAsked }))

/** How many entries a page has, 100 unless asked. */
const limit = numberOr(100, 1, 1000)

/** A page of a list of objects: those after an id. */
export const byId = v.strictObject({ after: v.optional(v.pipe(v.string(), v.maxLength(80))), limit })

/** A page of events: those after a sequence number. */
export const bySeq = v.strictObject({ after: numberOr(0, 0, Number.MAX_SAFE_INTEGER), limit })

/** A page of messages: those below a sequence number. */
export const beforeSeq = v.strictObject({
  before_seq: v.optional(number(0, Number.MAX_SAFE_INTEGER)),
  limit,
})

/** What REST answers a list of objects with. `next` is what to ask for to get the page behind it, where there may be one. */
export const listOf = <S extends v.GenericSchema>(item: S) =>
  v.strictObject({ data: v.array(item), next: v.optional(v.string()) })

/** The same for what has a sequence number. */
export const listBySeqOf = <S extends v.GenericSchema>(item: S) =>
  v.strictObject({ data: v.array(item), next: v.optional(field.count) })

/** Makes such a list of a page of `limit` entries. */
export function page<T, N extends string | number>(
  data: T[],
  limit: number,
  next: (last: T) => N,
): { data: T[]; next?: N } {
  const last = data.at(-1)
  return last !== undefined && data.length === limit ? { data, next: next(last) } : { data }
}
