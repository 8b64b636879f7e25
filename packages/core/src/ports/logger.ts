/** What may stand beside a log line: an allow-list by convention. Never a token, password, SDP, candidate or chat text. */
export type LogFields = Readonly<Record<string, string | number | boolean | undefined>>

/** Structured logging; pino fits. Nothing on the path of a relayed frame ever logs. */
export interface Logger {
  debug(fields: LogFields, message: string): void
  info(fields: LogFields, message: string): void
  warn(fields: LogFields, message: string): void
  error(fields: LogFields, message: string): void
}

/** The default of an embedded Mesh: says nothing. */
export const silentLogger: Logger = { debug() {}, info() {}, warn() {}, error() {} }
