import type { IncomingMessage, ServerResponse } from 'node:http'
import type { HttpBindings } from '@hono/node-server'
import { RequestError, getRequestListener } from '@hono/node-server'
import { MeshError, httpStatusOf } from '@mesh/core/errors'

/** Whatever speaks the web's Request and Response; a Hono application is one. */
export interface FetchHandler {
  /** Answers one request. `env` has the address at the other end of the socket, and Node's own request and response. */
  fetch(request: Request, env: HttpBindings & { address: string | undefined }): Response | Promise<Response>
  /** Whether a path is this handler's. Without it, every path is. */
  handles?(pathname: string): boolean
}

/** A request listener of `node:http`, and a middleware of Express. */
export type NodeHandler = (
  request: IncomingMessage,
  response: ServerResponse,
  next?: (error?: unknown) => void,
) => Promise<void>

/** What Express and its body parsers add to Node's request. */
interface ExpressRequest extends IncomingMessage {
  originalUrl?: string
  body?: unknown
}

/**
 * Mounts a web-standard `fetch` into `node:http`, Express 4 or Express 5; there under a prefix or not, before or after the
 * body parsers. The handler sees the full path, prefix included.
 *
 * @param next takes the requests whose path is not the handler's, where there is no Express to pass them on to.
 *
 * In Express a failure of `fetch` goes to the application's error handling; elsewhere it is answered 500.
 */
export function toNodeHandler(
  mesh: FetchHandler,
  next?: (request: IncomingMessage, response: ServerResponse) => unknown,
): NodeHandler {
  return async (incoming: ExpressRequest, response, expressNext) => {
    const url = incoming.originalUrl ?? incoming.url ?? '/'
    if (mesh.handles && (expressNext ?? next) && !mesh.handles(url.replace(/\?.*$/s, ''))) {
      if (expressNext) expressNext()
      else await next?.(incoming, response)
      return
    }
    const listener = getRequestListener(
      (request, env) => {
        const { remoteAddress } = incoming.socket
        return mesh.fetch(genuine(request, incoming), { ...(env as HttpBindings), address: remoteAddress })
      },
      {
        // Ours is one library in somebody else's process: the globals stay as they are.
        overrideGlobalObjects: false,
        errorHandler(error) {
          if (error instanceof RequestError) return errorResponse(new MeshError('BAD_MESSAGE', error.message))
          if (!expressNext) return errorResponse(new MeshError('INTERNAL'))
          expressNext(error)
          return undefined
        },
      },
    )
    const stripped = incoming.url
    // The adapter reads the URL before it first awaits, so nobody else sees this one.
    incoming.url = url
    const done = listener(incoming, response)
    incoming.url = stripped ?? '/'
    await done
  }
}

/**
 * The adapter's request is a lightweight look-alike: `new Request(lookAlike)`, which Hono's own body limit does, throws unless
 * the adapter may replace the global class. A real one works everywhere, and lets us give back a body that is already read.
 */
function genuine(request: Request, incoming: ExpressRequest): Request {
  const { method, signal } = request
  if (method === 'TRACE') throw new RequestError('TRACE is not answered here')
  if (method === 'GET' || method === 'HEAD')
    return new Request(request.url, { method, headers: request.headers, signal })
  if (!incoming.readableDidRead) {
    const { body } = request
    return new Request(request.url, { method, headers: request.headers, body, signal, duplex: 'half' })
  }
  const body = bodyText(incoming.body)
  const headers = new Headers(request.headers)
  // They describe the bytes that came, before a parser unpacked them.
  headers.delete('content-encoding')
  headers.delete('transfer-encoding')
  headers.set('content-length', String(Buffer.byteLength(body)))
  return new Request(request.url, { method, headers, body, signal })
}

function bodyText(parsed: unknown): string | Uint8Array<ArrayBuffer> {
  if (parsed === undefined) throw new Error('The request body was read before Mesh got it, and is not in request.body')
  if (typeof parsed === 'string') return parsed
  if (parsed instanceof Uint8Array) return new Uint8Array(parsed)
  return JSON.stringify(parsed)
}

function errorResponse({ code, message, retryable }: MeshError): Response {
  return Response.json({ type: 'error', code, message, payload: { retryable } }, { status: httpStatusOf(code) })
}
