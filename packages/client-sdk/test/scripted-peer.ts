import { createNegotiation } from '@mesh/client-sdk/webrtc'
import type { NegotiablePeerConnection, Negotiation } from '@mesh/client-sdk/webrtc'

interface Description {
  readonly type: 'offer' | 'answer'
  readonly sdp: string
}

/** What one end sends the other. */
export type Signal = Description | { readonly type: 'candidate'; readonly candidate: RTCIceCandidateInit | null }

/** One end of a session without media: the signaling states, credentials and media lines that negotiation is about. */
export interface ScriptedPeer {
  readonly negotiation: Negotiation
  readonly signalingState: string
  readonly local: Description | undefined
  readonly remote: Description | undefined
  /** The candidates taken in, in order, as `<ufrag>:<number>`. */
  readonly candidates: readonly string[]
  readonly faults: readonly unknown[]
  /** Wants one more media line. */
  addTrack(): void
  restartIce(): void
}

/** Every step of a connection takes one turn of `step`, so that a scheduler can put anything in between. */
export function createScriptedPeer(options: {
  name: string
  polite: boolean
  step(label: string): Promise<unknown>
  send(signal: Signal): void
}): ScriptedPeer {
  const { name, polite, send } = options
  const candidates: string[] = []
  const faults: unknown[] = []
  let state: 'stable' | 'have-local-offer' | 'have-remote-offer' = 'stable'
  let [local, pendingLocal, remote, pendingRemote]: (Description | undefined)[] = []
  let tracks = 0
  let restart = false
  let isAsked = false
  let generation = 0
  let chain: Promise<unknown> = Promise.resolve()

  /** The operations chain: one operation at a time, in the order in which they were asked for. */
  function operation(label: string, run: () => void): Promise<void> {
    const done = chain.then(() => options.step(`${name} ${label}`)).then(run)
    chain = done.catch(() => undefined)
    return done
  }

  function describe(type: Description['type'], lines: number, fresh: boolean): Description {
    const ufrag = fresh || !local ? `${name}${++generation}` : read(local, 'ice-ufrag')
    return { type, sdp: `a=ice-ufrag:${ufrag}\r\na=lines:${lines}\r\na=tracks:${Math.min(tracks, lines)}\r\n` }
  }

  function gather(made: Description): void {
    const usernameFragment = read(made, 'ice-ufrag')
    if (local && read(local, 'ice-ufrag') === usernameFragment && made !== local) return
    for (const n of [1, 2])
      send({ type: 'candidate', candidate: { candidate: `${usernameFragment}:${n}`, usernameFragment } })
    send({ type: 'candidate', candidate: null })
  }

  function settle(made: Description, theirs: Description): void {
    if (local && read(local, 'ice-ufrag') !== read(made, 'ice-ufrag')) restart = false
    ;[local, remote, pendingLocal, pendingRemote] = [made, theirs, undefined, undefined]
    state = 'stable'
    isAsked = false
    ask()
  }

  const isNeeded = (): boolean => restart || tracks > Number(local ? read(local, 'tracks') : 0)

  /** Updates the negotiation-needed flag (W3C WebRTC 1.0, section 4.7.3). */
  function ask(): void {
    void operation('negotiationneeded', () => {
      if (state !== 'stable' || isAsked || !isNeeded()) return
      isAsked = true
      void negotiation.negotiate()
    })
  }

  const pc: NegotiablePeerConnection = {
    get signalingState() {
      return state
    },
    get localDescription() {
      return pendingLocal ?? local ?? null
    },
    get remoteDescription() {
      return pendingRemote ?? remote ?? null
    },
    setLocalDescription: () =>
      operation('setLocalDescription', () => {
        if (pendingRemote) {
          const restarted = remote && read(remote, 'ice-ufrag') !== read(pendingRemote, 'ice-ufrag')
          const made = describe('answer', Number(read(pendingRemote, 'lines')), Boolean(restarted) || restart)
          gather(made)
          return settle(made, pendingRemote)
        }
        pendingLocal = describe('offer', Math.max(tracks, Number(local ? read(local, 'lines') : 0)), restart)
        state = 'have-local-offer'
        gather(pendingLocal)
      }),
    setRemoteDescription: (description) =>
      operation('setRemoteDescription', () => {
        if (description.type === 'offer') {
          if (state === 'have-remote-offer') throw new Error('InvalidStateError')
          pendingLocal = undefined
          pendingRemote = description
          state = 'have-remote-offer'
        } else {
          if (!pendingLocal) throw new Error('InvalidStateError')
          settle(pendingLocal, description)
        }
      }),
    addIceCandidate: (candidate) =>
      operation('addIceCandidate', () => {
        const known = pendingRemote ?? remote
        if (!known) throw new Error('InvalidStateError')
        if (!candidate) return
        if (candidate.usernameFragment !== read(known, 'ice-ufrag')) throw new Error('OperationError')
        candidates.push(String(candidate.candidate))
      }),
  }

  const negotiation = createNegotiation({
    pc,
    polite: () => polite,
    prepare: () => options.step(`${name} token`).then(() => 'token'),
    offer: (sdp) => send({ type: 'offer', sdp }),
    answer: (sdp) => send({ type: 'answer', sdp }),
    failed: (error) => faults.push(error),
  })

  return {
    negotiation,
    candidates,
    faults,
    get signalingState() {
      return state
    },
    get local() {
      return local
    },
    get remote() {
      return remote
    },
    addTrack() {
      tracks++
      ask()
    },
    restartIce() {
      if (!local) return
      restart = true
      ask()
    },
  }
}

/** A field of a description. */
export function read({ sdp }: Description, field: string): string {
  return new RegExp(`^a=${field}:(.*)$`, 'm').exec(sdp.replaceAll('\r', ''))?.[1] ?? ''
}
