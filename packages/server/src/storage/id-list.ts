/**
 * The ids for an `in (...)`, the last one as often as it takes to be 1, 2, 4, 8, ... of them. Every statement is kept once it is
 * compiled: with one text for each number of ids, those of 500 alone would take 100 MB.
 */
export function idList(ids: readonly string[]): string[] {
  const length = 2 ** Math.ceil(Math.log2(ids.length))
  return Array.from({ length }, (_, n) => ids[Math.min(n, ids.length - 1)] ?? '')
}
