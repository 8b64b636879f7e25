/**
 * THE allow-list of what may stand beside a log line, with what it is. Nothing else is ever logged: no token, password,
 * code, SDP, candidate, chat text, query string, and no message of a foreign error, which may quote any of them.
 */
export const logFields = {
  action: 'what the audit log calls it',
  address: 'network address; the standalone server writes the /24 or /48 it belongs to',
  at: 'where in the code an error arose',
  channel: 'by which way something was to be delivered',
  code: 'an error code',
  correlation_id: 'what the client was told, to be found by',
  count: 'how many',
  data_dir: 'the data directory',
  error: 'the class of an error',
  jump_ms: 'by how much a clock jumped',
  kid: 'the id of a signing key',
  off_ms: "by how much the clock of this node is ahead of the database's",
  setting: 'the name of a setting, never its value',
  url: 'where the server listens',
  user_id: 'an account',
} as const satisfies Record<string, string>

/** What may stand beside a log line: fields of {@link logFields} and no others. */
export type LogFields = { readonly [K in keyof typeof logFields]?: string | number | undefined }

/** Structured logging; pino fits. Nothing on the path of a relayed frame ever logs. */
export interface Logger {
  debug(fields: LogFields, message: string): void
  info(fields: LogFields, message: string): void
  warn(fields: LogFields, message: string): void
  error(fields: LogFields, message: string): void
}

/** The default of an embedded Mesh: says nothing. */
export const silentLogger: Logger = { debug() {}, info() {}, warn() {}, error() {} }
