import type { Connection, ConnectionRequest, MeshSocket, OutboundFrame } from '../transport.ts'
import { systemFrame } from '../deliver.ts'
import type { Bridging, Direct } from './messages.ts'

/** The client's end of a bridge: its socket is here, its session on another node. */
export interface Bridge {
  /** A frame came from the client. */
  message(text: string, size: number): void
  /** The client's socket is closed. */
  end(code?: number, reason?: string): void
  /** Lets the other end know of signs of life; called about once a second. */
  tick(): void
}

/** What becomes of a client that is bridged. */
export interface Bridged {
  readonly socket: MeshSocket
  /** The session's node has answered for the first time. */
  answered(): void
  /** The session's node ends the connection. */
  close(code: number, reason: string): void
  /** The session's node is gone. */
  lost(): void
}

/**
 * Lets a client go on with a session that lives on another node than the one it has come back to: what it sends goes
 * there and what it is sent comes from there, and both ends count and judge as if the socket were on the session's node.
 */
export interface Bridges {
  /** Opens a bridge with the hello that asks for the session. */
  open(to: string, request: ConnectionRequest, hello: { text: string; size: number }, client: Bridged): Bridge
  /** Takes in what the other end of a bridge sends. */
  take(from: string, message: Extract<Direct, { kind: 'bridge' }>, text: string): void
  /** A node is gone, and with it the other ends of its bridges. */
  lose(node: string): void
}

/** @see Bridges */
export function createBridges(options: {
  newId(): string
  send(to: string, bridge: string, what: Bridging, text?: string): void
  /** Takes a connection as if its socket were here. */
  accept(socket: MeshSocket, request: ConnectionRequest): Connection
}): Bridges {
  const { newId, send, accept } = options
  const clients = new Map<string, { node: string; client: Bridged; hasAnswer: boolean }>()
  const sessions = new Map<string, { node: string; connection: Connection; socket: { received: number } }>()

  /** The session's end: a socket whose other half is on another node. */
  function arrive(node: string, bridge: string, what: Extract<Bridging, { is: 'open' }>, text: string): void {
    const { address, authorization, cookie, size } = what
    const socket = {
      received: size,
      // How much waits in front of the client is its own node's to watch.
      bufferedAmount: 0,
      send: (frame: OutboundFrame) => send(node, bridge, { is: 'out' }, frame.text),
      close(code: number, reason: string) {
        sessions.delete(bridge)
        send(node, bridge, { is: 'close', code, reason })
      },
      ping: () => send(node, bridge, { is: 'ping' }),
    }
    const headers: Record<string, string | undefined> = { authorization, cookie }
    const connection = accept(socket, {
      url: '',
      address,
      headers: { get: (name) => headers[name.toLowerCase()] ?? null },
    })
    sessions.set(bridge, { node, connection, socket })
    connection.message(text, size)
  }

  function toSession(bridge: string, what: Bridging, text: string): void {
    const end = sessions.get(bridge)
    if (!end) return
    if (what.is === 'in') {
      end.socket.received += what.size
      end.connection.message(text, what.size)
    } else if (what.is === 'alive') end.socket.received++
    else if (what.is === 'end') {
      sessions.delete(bridge)
      end.connection.closed(what.code, what.reason)
    }
  }

  function toClient(bridge: string, what: Bridging, text: string): void {
    const end = clients.get(bridge)
    if (!end) return
    if (what.is === 'out') {
      if (!end.hasAnswer) end.client.answered()
      end.hasAnswer = true
      end.client.socket.send(systemFrame(text))
    } else if (what.is === 'ping') end.client.socket.ping?.()
    else if (what.is === 'close') {
      clients.delete(bridge)
      end.client.close(what.code, what.reason)
    }
  }

  return {
    open(to, { address, headers }, { text, size }, client) {
      const bridge = newId()
      clients.set(bridge, { node: to, client, hasAnswer: false })
      const [authorization, cookie] = [headers.get('authorization'), headers.get('cookie')]
      send(
        to,
        bridge,
        { is: 'open', address, size, ...(authorization && { authorization }), ...(cookie && { cookie }) },
        text,
      )
      let seen = client.socket.received
      return {
        message: (text, size) => send(to, bridge, { is: 'in', size }, text),
        end(code, reason) {
          if (!clients.delete(bridge)) return
          send(to, bridge, {
            is: 'end',
            ...(code === undefined ? {} : { code }),
            ...(reason === undefined ? {} : { reason }),
          })
        },
        tick() {
          if (client.socket.received !== seen) send(to, bridge, { is: 'alive' })
          seen = client.socket.received
        },
      }
    },
    take(from, { bridge, what }, text) {
      if (what.is === 'open') arrive(from, bridge, what, text)
      else if (what.is === 'in' || what.is === 'alive' || what.is === 'end') toSession(bridge, what, text)
      else toClient(bridge, what, text)
    },
    lose(node) {
      for (const [bridge, end] of clients) {
        if (end.node !== node) continue
        clients.delete(bridge)
        end.client.lost()
      }
      for (const [bridge, end] of sessions) {
        if (end.node !== node) continue
        sessions.delete(bridge)
        end.connection.closed()
      }
    },
  }
}
