/** What a transport hands in: anything that takes text frames, such as a WebSocket of whatever library. */
export interface MeshSocket {
  send(frame: string): void
  /** Ends the connection with a close code and a constant reason. */
  close(code: number, reason: string): void
  /** Asks the other end for a sign of life below the protocol; without it `system.ping` does that. */
  ping?(): void
  /** Bytes handed over and not yet on their way. */
  readonly bufferedAmount: number
}

/** What is known of a connection before its hello: that of the HTTP request which asked for it. */
export interface ConnectionRequest {
  readonly url: string
  readonly headers: { get(name: string): string | null }
  /** The network address of the other end, for limits. */
  readonly address: string
}

/** What the transport tells the engine. Calls after the end are harmless: a closed socket may still deliver frames. */
export interface Connection {
  /** A text frame came; `bytes` is its size on the wire. */
  message(text: string, bytes: number): void
  /** A binary frame came. */
  binary(): void
  /** The other end gave a sign of life below the protocol. */
  alive(): void
  /** The socket is closed, by whomever. */
  closed(): void
}
