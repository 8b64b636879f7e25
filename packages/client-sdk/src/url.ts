/**
 * The address of the WebSocket for `http(s):`, `ws(s):` and, where there is a page, relative addresses.
 * @throws TypeError when it is no address, or none that a WebSocket could have.
 */
export function socketUrl(url: string | URL): string {
  const resolved = new URL(url, globalThis.document?.baseURI)
  // The setter refuses to turn a scheme into one that the standard does not call special, so a bad one stays what it is.
  resolved.protocol = resolved.protocol.replace(/^http/, 'ws')
  if (!/^wss?:$/.test(resolved.protocol)) throw new TypeError(`Not an http(s) or ws(s) address: ${resolved.protocol}`)
  // The standard wants no fragment in the address of a socket, and older browsers throw.
  resolved.hash = ''
  return resolved.href
}
