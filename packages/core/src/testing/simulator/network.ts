import type { Connection, MeshSocket } from '../../transport.ts'
import type { Node } from './cluster.ts'
import type { Wire } from './history.ts'
import type { World } from './world.ts'

/** What a client hears of its socket. */
export interface Listener {
  message(frame: Wire): void
  closed(code: number): void
}

/** The client's end of a socket. */
export interface Line {
  readonly conn: number
  send(frame: Wire): void
  /** Closes it in good order: what was sent before arrives. 1001 says that the client does not come back to its session. */
  close(code: 1000 | 1001): void
  /** Breaks it: what is under way in either direction is lost, and either end hears of it in its own time. */
  lose(): void
  /** From now on nothing gets through; the client notices after `ms`, the node by itself. */
  freeze(ms: number): void
  /** Reads nothing for a while; what comes is buffered at the other end. */
  stall(ms: number): void
}

/** Who connects. */
export interface Caller {
  readonly client: string
  readonly user_id: string
  readonly device_id: string | undefined
  readonly sid: string
}

/** Sockets between clients and nodes: each direction is late and in order. */
export interface Network {
  connect(node: Node, caller: Caller, listener: Listener): Line
}

/** What both ends see when a socket breaks (RFC 6455 section 7.1.5). */
const abnormal = 1006

/** @see Network */
export function createNetwork(world: World): Network {
  const { clock, random, plan, record } = world
  let made = 0
  // A broadcast is one text for many: it is read once.
  let lastText = ''
  let lastFrame: Wire

  function read(text: string): Wire {
    if (text !== lastText) {
      lastText = text
      // What the engine wrote is an envelope; what is in it is for the invariants to judge.
      lastFrame = JSON.parse(text) as Wire
    }
    return lastFrame
  }

  /** One direction: what goes in comes out in the same order. */
  function createWay(): (run: () => void) => void {
    let last = 0
    return (run) => {
      const now = clock.monotonic()
      last = Math.max(now + random.between(0.1, plan.delays.frame), last + 0.001)
      clock.after(last - now, run)
    }
  }

  return {
    connect(node, caller, listener) {
      const conn = ++made
      const up = createWay()
      const down = createWay()
      let connection: Connection | undefined
      let isWhole = true
      let clientIsOpen = true
      let buffered: string[] | undefined

      const toNode = (run: () => void) => up(() => isWhole && node.deliver(run))

      function deliver(text: string): void {
        down(() => {
          if (!isWhole || !clientIsOpen) return
          const frame = read(text)
          record({ kind: 'receive', conn, frame })
          listener.message(frame)
        })
      }

      function tellClient(code: number): void {
        if (!clientIsOpen) return
        clientIsOpen = false
        record({ kind: 'lost', conn, code })
        listener.closed(code)
      }

      function tellNode(code?: number): void {
        node.deliver(() => {
          record({ kind: 'gone', conn })
          connection?.closed(code)
        })
      }

      let received = 0
      const socket: MeshSocket = {
        get received() {
          return received
        },
        get bufferedAmount() {
          return buffered?.reduce((sum, text) => sum + text.length, 0) ?? 0
        },
        send({ text }) {
          record({ kind: 'hand', conn, frame: read(text) })
          if (buffered) buffered.push(text)
          else deliver(text)
        },
        close(code) {
          record({ kind: 'close', conn, code })
          down(() => isWhole && tellClient(code))
          // Frames that are under way still reach the engine after it closed: so do those of a real socket.
          up(() => tellNode(code))
        },
      }

      up(() => {
        if (!isWhole || !node.isUp) return tellClient(abnormal)
        node.deliver(() => {
          if (!isWhole) return
          if (node.mesh.admit(caller.client) !== 'ok') return void down(() => tellClient(abnormal))
          record({ kind: 'open', conn, node: node.name, ...caller })
          const headers = { get: () => null }
          connection = node.mesh.accept(socket, { url: 'https://mesh.test/ws', headers, address: caller.client })
        })
      })
      node.onEnd(() => down(() => isWhole && tellClient(abnormal)))

      return {
        conn,
        send(frame) {
          record({ kind: 'send', conn, frame })
          const text = JSON.stringify(frame)
          toNode(() => {
            record({ kind: 'take', conn, frame })
            received += text.length
            connection?.message(text, text.length)
          })
        },
        close(code) {
          up(() => isWhole && tellNode(code))
          tellClient(code)
        },
        lose() {
          if (!isWhole) return
          isWhole = false
          world.soon(50, () => tellClient(abnormal))
          world.soon(random.chance(0.5) ? 50 : 3_000, () => tellNode(abnormal))
        },
        freeze(ms) {
          isWhole = false
          clock.after(ms, () => tellClient(abnormal))
        },
        stall(ms) {
          if (buffered) return
          buffered = []
          clock.after(ms, () => {
            const texts = buffered ?? []
            buffered = undefined
            for (const text of texts) deliver(text)
            node.deliver(() => connection?.drained())
          })
        },
      }
    },
  }
}
