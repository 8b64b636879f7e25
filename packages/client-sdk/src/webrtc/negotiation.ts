/** What negotiating needs of an RTCPeerConnection. */
export interface NegotiablePeerConnection {
  readonly signalingState: RTCSignalingState
  readonly localDescription: { readonly type: string; readonly sdp: string } | null
  readonly remoteDescription: { readonly type: string; readonly sdp: string } | null
  /** Without an argument: the description that the state calls for (W3C WebRTC 1.0, section 4.4.1.6). */
  setLocalDescription(): Promise<void>
  setRemoteDescription(description: { type: 'offer' | 'answer'; sdp: string }): Promise<void>
  addIceCandidate(candidate: RTCIceCandidateInit | null): Promise<void>
}

/** What a {@link Negotiation} works with. */
export interface NegotiationOptions {
  pc: NegotiablePeerConnection
  /** Whether this end gives way when both offer at once. Asked only then. */
  polite(): boolean
  /** Gets what an offer needs before it is made. Nothing is promised to the other end meanwhile. */
  prepare(): Promise<string>
  /** Sends an offer, with what `prepare` brought. */
  offer(sdp: string, prepared: string): void
  answer(sdp: string): void
  /** Something that cannot be mended by waiting for the other end. */
  failed(error: unknown): void
}

/** One end of a session that either end may renegotiate at any time. */
export interface Negotiation {
  /** Makes an offer as soon as it can be made; the handler of `negotiationneeded`. */
  negotiate(): Promise<void>
  /** Takes a description of the other end. */
  describe(type: 'offer' | 'answer', sdp: string): Promise<void>
  /** Takes a candidate of the other end, or null for the end of them. */
  candidate(candidate: RTCIceCandidateInit | null): Promise<void>
  /** From now on nothing is done any more. */
  stop(): void
}

/** How many candidates wait for their description; the contract's limit for one side and generation. */
const parkingLots = 64

/**
 * Perfect negotiation (W3C WebRTC 1.0, section 10.7), with two differences. An offer needs a capability token first, so the
 * state is looked at again when that is there. And what comes from the other end is taken strictly in order, so that a
 * description is never judged while the one before is still being applied.
 */
export function createNegotiation(options: NegotiationOptions): Negotiation {
  const { pc } = options
  let parked: RTCIceCandidateInit[] = []
  let turn: Promise<void> = Promise.resolve()
  let preparing = false
  let makingOffer = false
  let applying = false
  let stopped = false

  return {
    async negotiate() {
      if (preparing || stopped) return
      preparing = true
      let prepared: string
      try {
        prepared = await options.prepare()
      } catch (error) {
        return fail(error)
      } finally {
        preparing = false
      }
      // Their offer came first. If ours is needed all the same, the connection asks again once it is stable; and to ask
      // for a description while theirs is being applied would make an answer and not an offer.
      if (stopped || applying || pc.signalingState !== 'stable') return
      makingOffer = true
      try {
        await pc.setLocalDescription()
        const made = pc.localDescription
        if (!stopped && made?.type === 'offer') options.offer(made.sdp, prepared)
      } catch (error) {
        fail(error)
      } finally {
        makingOffer = false
      }
    },
    describe: (type, sdp) => inTurn(() => (type === 'offer' ? takeOffer(sdp) : takeAnswer(sdp))),
    candidate: (candidate) => inTurn(() => takeCandidate(candidate)),
    stop() {
      stopped = true
    },
  }

  function inTurn(step: () => Promise<void>): Promise<void> {
    turn = turn.then(() => (stopped ? undefined : step())).catch(fail)
    return turn
  }

  function fail(error: unknown): void {
    if (!stopped) options.failed(error)
  }

  async function takeOffer(sdp: string): Promise<void> {
    const collision = makingOffer || pc.signalingState !== 'stable'
    // The polite end's setRemoteDescription rolls its own offer back by itself.
    if (collision && !options.polite()) return
    applying = true
    try {
      await pc.setRemoteDescription({ type: 'offer', sdp })
      await pc.setLocalDescription()
    } finally {
      applying = false
    }
    if (!stopped && pc.localDescription?.type === 'answer') options.answer(pc.localDescription.sdp)
    await unpark()
  }

  async function takeAnswer(sdp: string): Promise<void> {
    if (pc.signalingState !== 'have-local-offer') return
    await pc.setRemoteDescription({ type: 'answer', sdp })
    await unpark()
  }

  async function takeCandidate(candidate: RTCIceCandidateInit | null): Promise<void> {
    if (candidate && !fits(candidate)) {
      // Before its description, or of an offer that was ignored: then it waits in vain, and in the end makes room.
      parked.push(candidate)
      if (parked.length > parkingLots) parked.shift()
      return
    }
    // What fits may still be of an ignored offer, with media lines that are not there; and losing one candidate is no
    // reason to lose the call.
    await pc.addIceCandidate(candidate).catch(() => undefined)
  }

  async function unpark(): Promise<void> {
    const waiting = parked
    parked = []
    for (const candidate of waiting) await takeCandidate(candidate)
  }

  /** Whether a candidate belongs to the description in force: an ICE restart changes the username fragment (RFC 8839). */
  function fits({ usernameFragment }: RTCIceCandidateInit): boolean {
    const sdp = pc.remoteDescription?.sdp
    if (sdp === undefined) return false
    return !usernameFragment || sdp.split(/\r?\n/).includes(`a=ice-ufrag:${usernameFragment}`)
  }
}
