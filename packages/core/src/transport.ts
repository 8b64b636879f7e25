/** A finished event on its way out: one object for all its receivers, and for as long as it may have to be sent again. */
export interface OutboundFrame {
  /** What is to be sent. */
  readonly text: string
  /** How long the text is, in UTF-16 units. */
  readonly size: number
  /** The frame in the form in which a transport sends it, made once for all. */
  encoded<T extends object>(Form: new (text: string) => T): T
}

/** What a transport hands in: anything that takes text frames, such as a WebSocket of whatever library. */
export interface MeshSocket {
  send(frame: OutboundFrame): void
  /** Ends the connection with a close code and a constant reason. */
  close(code: number, reason: string): void
  /** Asks the other end for a sign of life below the protocol; without it `system.ping` does that. */
  ping?(): void
  /** Bytes that have come in so far, whatever they were: every one is a sign of life, and counts. */
  readonly received: number
  /** Bytes handed over and not yet on their way. */
  readonly bufferedAmount: number
}

/** What is known of a connection before its hello: that of the HTTP request which asked for it. */
export interface ConnectionRequest {
  readonly url: string
  /** The method of a plain HTTP request; an upgrade to a WebSocket has none. */
  readonly method?: string
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
  /** What was buffered has gone out: there is room again. */
  drained(): void
  /** The socket is closed, by whomever, with the code and reason of RFC 6455 section 7.1.5 where there was one. */
  closed(code?: number, reason?: string): void
}
