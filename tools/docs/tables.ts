import {
  actionsOf,
  capabilities,
  closeCodes,
  defaultCaps,
  defaultLimits,
  defaultMessageOf,
  errorCodes,
  httpStatusOf,
  mayReconnect,
  MeshError,
  roles,
  type Action,
  type AttemptKind,
  type CloseReason,
  type LimitClass,
  type Rate,
} from '@mesh/core'
import { settings } from '@mesh/server'
import { families, storageFamilies } from '@mesh/server/metrics'
import { table } from './sections.ts'
import { actionWords, attemptWords, classWords, closeWords, errorWords, limitWords, roleWords } from './words.ts'

const number = (value: number) => value.toLocaleString('en-US')

/** Codes of errors with their HTTP status. */
export function errorSection(): string {
  return table(
    ['code', 'HTTP', 'retry', 'when', '`message`, unless a more exact one is known'],
    errorCodes.map((code) => [
      `\`${code}\``,
      String(httpStatusOf(code)),
      new MeshError(code).retryable ? 'yes' : 'no',
      errorWords[code],
      defaultMessageOf(code),
    ]),
  )
}

/** Close codes of the WebSocket. */
export function closeSection(): string {
  return table(
    ['code', 'reason', 'come back', 'when'],
    entries<CloseReason, number>(closeCodes).map(([reason, code]) => [
      String(code),
      `\`${reason}\``,
      mayReconnect(code) ? 'yes' : 'no',
      closeWords[reason],
    ]),
  )
}

/** What Prometheus is told. */
export function metricSection(): string {
  const all = [...families, ...Object.values(storageFamilies)]
  return table(
    ['metric', 'labels', 'what it says'],
    all.map(({ name, labels, help }) => [`\`${name}\``, labels.map((label) => `\`${label}\``).join(', '), help]),
  )
}

/** Limits of event classes, those of attempts, then all others. */
export function limitSection(): string {
  const { classes, attempts, ...others } = defaultLimits
  const byClass = table(
    ['class', 'bytes of', 'bytes', 'at once', 'then per second'],
    entries<LimitClass, (typeof classes)[LimitClass]>(classes).map(([name, { bytes, burst, per_s }]) => [
      `\`${name}\``,
      classWords[name],
      number(bytes),
      number(burst),
      number(per_s),
    ]),
  )
  const byAttempt = table(
    ['of `attempts`', 'default', 'what counts'],
    entries<AttemptKind, Rate>(attempts).map(([name, rate]) => [`\`${name}\``, said(rate), attemptWords[name]]),
  )
  const rest = table(
    ['limit', 'default', 'what it bounds'],
    entries<keyof typeof others, (typeof others)[keyof typeof others]>(others).map(([name, value]) => [
      `\`${name}\``,
      typeof value === 'number' ? number(value) : said(value),
      limitWords[name],
    ]),
  )
  return `${byClass}\n\n${byAttempt}\n\n${rest}`
}

const said = ({ burst, per_s }: Rate) =>
  `${number(burst)} at once, then ${per_s < 1 ? `one in ${number(1 / per_s)} s` : `${number(per_s)} per second`}`

/** Role by action, and role by capability. */
export function aclSection(): string {
  const head = roles.map((role) => roleWords[role])
  const mark = (is: boolean) => (is ? 'yes' : '')
  const actions = table(
    ['action', ...head, 'what it is'],
    entries<Action, string>(actionWords).map(([action, what]) => [
      `\`${action}\``,
      ...roles.map((role) => mark(actionsOf[role].has(action))),
      what,
    ]),
  )
  const caps = table(
    ['capability', ...head],
    capabilities.map((cap) => [`\`${cap}\``, ...roles.map((role) => mark(defaultCaps[role].includes(cap)))]),
  )
  return `${actions}\n\n${caps}`
}

/** Settings of the standalone server. */
export function settingSection(): string {
  return table(
    ['variable', 'default', 'what it is for'],
    settings.map((setting) => [
      `\`${setting.name}\`${setting.secret ? ' (`_FILE`)' : ''}`,
      setting.default === undefined ? 'none' : `\`${setting.default}\``,
      setting.description,
    ]),
  )
}

/** Entries with the type that the object has; Object.entries widens its keys to string. */
function entries<K extends string, V>(object: Readonly<Record<K, V>>): [K, V][] {
  return Object.entries(object) as [K, V][]
}
