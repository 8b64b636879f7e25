import { openLink } from './link.ts'
import type { WebSocketConstructor } from './link.ts'
import { createMesh } from './mesh.ts'
import type { WaitOptions } from './deferred.ts'
import type { Mesh, TokenSource } from './types.ts'
import { socketUrl } from './url.ts'

/** Where to connect, as whom, and how stubbornly. */
export interface ConnectOptions extends WaitOptions {
  /** The endpoint: `http(s):` or `ws(s):`, or relative to the page in a browser. */
  url: string | URL
  /**
   * The access token, or where to get one. It is sent in the first frame, never in the address. A function that throws is
   * asked again with the next attempt; one that throws a MeshError that is not retryable ends the connection for good.
   * Leave it out where the host application knows its users by cookie.
   */
  token?: TokenSource | undefined
  /** The WebSocket to use; the global one, if left out (every browser, Node from 22 on). */
  WebSocket?: WebSocketConstructor | undefined
  /** Milliseconds for the first connection and for each later attempt, and what requests wait by default; 10,000. */
  timeoutMs?: number | undefined
  /** Calls the first connection off. */
  signal?: AbortSignal | undefined
  /** Whether to look for a lost connection again, for ever; true. */
  reconnect?: boolean | undefined
  /** What the server may note about this client. */
  client?: { name: string; version: string } | undefined
}

/**
 * Connects to a Mesh server.
 * @throws MeshError AUTH_REQUIRED, AUTH_INVALID or AUTH_EXPIRED for the token, UNAVAILABLE when the server cannot be reached in time
 * @throws TypeError when the address is none, or there is no WebSocket
 */
export async function connect(options: ConnectOptions): Promise<Mesh> {
  const { token, timeoutMs = 10_000, signal, reconnect = true, client } = options
  const WebSocket = options.WebSocket ?? (globalThis.WebSocket as WebSocketConstructor | undefined)
  if (!WebSocket) throw new TypeError('This runtime has no WebSocket: pass one as an option')
  const url = socketUrl(options.url)

  const { mesh, start } = createMesh({
    reconnect,
    timeoutMs,
    // A token that is always the same does not get better.
    renew: typeof token === 'function' ? token : undefined,
    isKnownByCookie: token === undefined,
    async open(reason, { id, resume }, handlers) {
      const current = typeof token === 'function' ? await token(reason) : token
      handlers.signal.throwIfAborted()
      const payload = {
        ...(current !== undefined && { token: current }),
        ...(client && { client }),
        ...(resume && { resume }),
      }
      return openLink({ url, WebSocket, hello: { id, payload }, ...handlers })
    },
  })
  await start(signal)
  return mesh
}
