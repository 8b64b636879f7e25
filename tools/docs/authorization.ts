import { authorization, restAuthorization } from '@mesh/core/testing'
import { table } from './sections.ts'

const { rules, senders, standings, tokenStates, outcomeOf, cellsOf } = authorization
type Rule = (typeof rules)[number]['rule']
type Sender = (typeof senders)[number]

const plain = { token: 'valid', end: 'in the room' } as const
const inside: Sender = { standing: 'joined', role: 'owner' }
const code = (outcome: string | undefined) => (outcome === undefined ? '–' : outcome === 'ok' ? 'ok' : `\`${outcome}\``)

/** An outcome by role where roles differ. */
function byRole(rule: Rule, standing: Sender['standing']): string {
  const outcomes = senders
    .filter((sender) => sender.standing === standing)
    .map((sender) => ({ role: sender.role ?? '', outcome: code(outcomeOf(rule, { sender, ...plain })) }))
  const distinct = [...new Set(outcomes.map(({ outcome }) => outcome))].filter((outcome) => outcome !== '–')
  if (distinct.length === 1) return distinct[0] ?? ''
  return distinct
    .map((each) => {
      const roles = outcomes.filter(({ outcome }) => outcome === each).map(({ role }) => role)
      return `${roles.join(', ')}: ${each}`
    })
    .join('; ')
}

const nameOf = ({ type, rule }: (typeof rules)[number]) => `\`${type}\`${rule.as ? `, ${rule.as}` : ''}`

/** Who may send what: every event by role and membership, its token good and its other end there. */
export function senderSection(): string {
  const joined = senders.filter(({ standing }) => standing === 'joined')
  const others = standings.filter((standing) => standing !== 'joined')
  return table(
    ['event', ...joined.map(({ role }) => `${role}, joined`), ...others],
    rules.map((entry) => [
      nameOf(entry),
      ...joined.map((sender) => code(outcomeOf(entry.rule, { sender, ...plain }))),
      ...others.map((standing) => byRole(entry.rule, standing)),
    ]),
  )
}

/** What each state of a token comes to, for those who get that far. */
export function tokenSection(): string {
  const columns = rules.filter(
    ({ type, rule }, at) => rule.cap && rules.findIndex((each) => each.type === type && each.rule.cap) === at,
  )
  return table(
    ['token', ...columns.map(({ type, rule }) => `\`${type}\` for \`${rule.cap}\``)],
    tokenStates.map((token) => [
      token,
      ...columns.map(({ rule }) => code(outcomeOf(rule, { sender: inside, token, end: plain.end }))),
    ]),
  )
}

/** What follows from where the other end is. */
export function endSection(): string {
  const ends = ['reconnecting', 'gone'] as const
  return table(
    ['event', ...ends],
    rules
      .filter(({ rule }) => rule.end && rule.who(inside) === 'ok')
      .map((entry) => [
        nameOf(entry),
        ...ends.map((end) => code(outcomeOf(entry.rule, { sender: inside, token: 'valid', end }))),
      ]),
  )
}

/** Who may call which route of a room. */
export function callerSection(): string {
  const { callers, routes, outcomeOfCall } = restAuthorization
  return table(
    ['route', ...callers],
    routes.map((row) => [
      `\`${row.route}\`${row.as ? `, ${row.as}` : ''}`,
      ...callers.map((caller) => code(outcomeOfCall(row, caller))),
    ]),
  )
}

/** How many cells the tests go through. */
export function cellSection(): string {
  const events = rules.flatMap(({ rule }) => cellsOf(rule)).length
  const calls = restAuthorization.routes.length * restAuthorization.callers.length
  return `${events.toLocaleString('en-US')} cells for events, ${calls} for REST.`
}
