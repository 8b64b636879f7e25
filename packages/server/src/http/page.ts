import * as v from 'valibot'

const number = (min: number, max: number) =>
  v.pipe(
    v.string(),
    v.regex(/^\d{1,15}$/),
    v.transform(Number),
    v.minValue(min),
    v.transform((value) => Math.min(value, max)),
  )

/** How many entries a page has, 100 unless asked. */
const limit = v.optional(number(1, 1000), '100')

/** A page of a list of objects: those after an id. */
export const byId = v.strictObject({ after: v.optional(v.pipe(v.string(), v.maxLength(80))), limit })

/** A page of events: those after a sequence number. */
export const bySeq = v.strictObject({ after: v.optional(number(0, Number.MAX_SAFE_INTEGER), '0'), limit })

/** A page of messages: those below a sequence number. */
export const beforeSeq = v.strictObject({ before_seq: v.optional(number(0, Number.MAX_SAFE_INTEGER)), limit })

/** A list as REST answers it; `next` is what to ask for to get the page behind it, where there may be one. */
export function page<T>(
  data: T[],
  limit: number,
  next: (last: T) => string | number,
): { data: T[]; next?: string | number } {
  const last = data.at(-1)
  return last !== undefined && data.length === limit ? { data, next: next(last) } : { data }
}
