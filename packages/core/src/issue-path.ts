import * as v from 'valibot'

/**
 * Where a value is not as its schema has it, as a dotted path; undefined for the value as a whole. Of a field that
 * nobody knows it is where the field stands: its name is what somebody sent, and errors repeat nothing of that.
 */
export function issuePath(issue: v.BaseIssue<unknown>): string | undefined {
  // What valibot says of a field too many, and of no other.
  const isUnknown = issue.type === 'strict_object' && issue.expected === 'never'
  const [first, ...rest] = isUnknown ? (issue.path?.slice(0, -1) ?? []) : (issue.path ?? [])
  return first ? (v.getDotPath({ ...issue, path: [first, ...rest] }) ?? undefined) : undefined
}
