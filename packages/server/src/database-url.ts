/** Whether a database setting means a PostgreSQL server. */
export function isPostgresUrl(url: string): boolean {
  return /^postgres(ql)?:/i.test(url)
}

/** The path in a database setting (`sqlite:path`, `sqlite:///path`, `path`), as written. */
export function databasePath(url: string): string {
  return url.replace(/^sqlite:(\/\/)?/i, '')
}

/** Whether a database setting means a SQLite file that a restart finds again. */
export function isSqliteFile(url: string): boolean {
  const path = databasePath(url)
  // One letter before the colon is a drive; SQLite would take parameters and :memory:, but no restart would find the data.
  return path !== '' && !/^[a-z][a-z\d+.-]+:/i.test(path) && !/[?#\0]|:memory:|[/\\]$/.test(path)
}
