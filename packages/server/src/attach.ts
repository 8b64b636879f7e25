import type { IncomingMessage } from 'node:http'
import type { Server } from 'node:net'
import type { Duplex } from 'node:stream'
import { MeshError } from '@mesh/core/errors'
import { ignoreErrors, refuseUpgrade, requestPath } from './upgrade.ts'
import type { UpgradeHandler } from './upgrade.ts'

/** What `attach` mounts. */
export interface AttachOptions {
  /** The path taken, compared exactly; everything else stays with whoever has it. */
  path: string
  /** Takes the upgrade requests of that path, e.g. from `createUpgrade`. */
  upgrade: UpgradeHandler
}

interface Mount {
  paths: Map<string, UpgradeHandler>
  undo(): void
}

const mounts = new WeakMap<Server, Mount>()

/**
 * Mounts a WebSocket endpoint on an existing HTTP server, beside whatever else answers upgrades there, before or after us.
 *
 * An `upgrade` listener of our own is not enough: every listener gets every request, and most libraries answer 400 to, or
 * destroy, a socket they do not know. So our path is taken where the server dispatches the event, and nobody else sees it.
 * Requests for other paths go to the other listeners untouched; where there are none, they are answered 404.
 *
 * @returns undoes it; several mounts on one server may be undone in any order.
 * @throws Error when the path is taken on this server already, or does not start with a slash.
 */
export function attach(server: Server, options: AttachOptions): () => void {
  const { path, upgrade } = options
  if (!path.startsWith('/') || path.includes('?')) {
    throw new Error(`attach: the path must start with / and have no query: ${path}`)
  }
  const mount = mounts.get(server) ?? intercept(server)
  if (mount.paths.has(path)) throw new Error(`attach: ${path} is attached to this server already`)
  mount.paths.set(path, upgrade)

  let attached = true
  return () => {
    if (!attached) return
    attached = false
    mount.paths.delete(path)
    if (mount.paths.size === 0) mount.undo()
  }
}

function fallback(_request: IncomingMessage, socket: Duplex): void {
  ignoreErrors(socket)
  refuseUpgrade(socket, new MeshError('NOT_FOUND', 'No WebSocket endpoint here'))
}

function intercept(server: Server): Mount {
  const paths = new Map<string, UpgradeHandler>()
  const previous = server.emit
  const inherited = !Object.hasOwn(server, 'emit')
  // One signature for all the overloads of emit: the arguments pass through as they are.
  const dispatch = function (this: unknown, event: string | symbol, ...args: unknown[]): boolean {
    if (event === 'upgrade') {
      // Node's contract for the event.
      const [request, socket, head] = args as [IncomingMessage, Duplex, Buffer]
      if (paths.get(requestPath(request))?.(request, socket, head)) return true
    }
    return Reflect.apply(previous, this, [event, ...args])
  } as typeof server.emit
  server.emit = dispatch

  // Without any listener Node treats an upgrade as a plain request and never dispatches the event. With ours beside another,
  // both would answer; some neighbours also count listeners to see whether the 404 is theirs to send.
  const giveWay = (event: string | symbol, listener: unknown): void => {
    if (event === 'upgrade' && listener !== fallback) server.off('upgrade', fallback)
  }
  const fillIn = (event: string | symbol, listener: unknown): void => {
    if (event === 'upgrade' && listener !== fallback && server.listenerCount('upgrade') === 0) {
      server.on('upgrade', fallback)
    }
  }
  if (server.listenerCount('upgrade') === 0) server.on('upgrade', fallback)
  server.on('newListener', giveWay)
  server.on('removeListener', fillIn)

  const mount = {
    paths,
    undo() {
      mounts.delete(server)
      server.off('newListener', giveWay)
      server.off('removeListener', fillIn)
      server.off('upgrade', fallback)
      // Somebody who wrapped emit after us still calls ours, which passes everything on now that it has no paths.
      if (server.emit !== dispatch) return
      if (inherited) Reflect.deleteProperty(server, 'emit')
      else server.emit = previous
    },
  }
  mounts.set(server, mount)
  return mount
}
