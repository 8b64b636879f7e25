const fingerprint = Array(32).fill('AB').join(':')

/** A sender of a {@link FakeConnection}. */
interface FakeSender {
  track: MediaStreamTrack | null
}

/**
 * An RTCPeerConnection without media: what of the standard's signaling a call depends on. It counts as connected once both
 * descriptions are in force. `remoteTracks` is how many tracks the other end says it sends.
 */
export class FakeConnection extends EventTarget {
  signalingState: RTCSignalingState = 'stable'
  connectionState: RTCPeerConnectionState = 'new'
  localDescription: { type: 'offer' | 'answer'; sdp: string } | null = null
  remoteDescription: { type: 'offer' | 'answer'; sdp: string } | null = null
  readonly candidates: RTCIceCandidateInit[] = []
  #senders: FakeSender[] = []
  #stable: FakeConnection['localDescription'] = null
  #isNeeded = false
  #generation = 0
  configuration: RTCConfiguration
  #ufrag = 0

  constructor(configuration: RTCConfiguration = {}) {
    super()
    this.configuration = configuration
  }

  setConfiguration(configuration: RTCConfiguration): void {
    this.configuration = configuration
  }

  get remoteTracks(): number {
    return Number(/^a=tracks:(\d+)/m.exec(this.remoteDescription?.sdp ?? '')?.[1] ?? 0)
  }

  addTrack(track: MediaStreamTrack): FakeSender {
    const sender = { track }
    this.#senders.push(sender)
    this.#need()
    return sender
  }

  removeTrack(sender: FakeSender): void {
    this.#senders = this.#senders.filter((other) => other !== sender)
    this.#need()
  }

  addTransceiver(): void {
    this.#need()
  }

  getSenders(): readonly FakeSender[] {
    return this.#senders
  }

  getTransceivers(): readonly never[] {
    return []
  }

  restartIce(): void {
    this.#ufrag++
    this.#need()
  }

  async setLocalDescription(): Promise<void> {
    await undefined
    const type = this.signalingState === 'have-remote-offer' ? 'answer' : 'offer'
    const ufrag = `u${this.#ufrag}`
    const sdp = `v=0\r\no=- 1 ${++this.#generation} IN IP4 127.0.0.1\r\ns=-\r\nt=0 0\r\na=fingerprint:sha-256 ${fingerprint}\r\na=ice-ufrag:${ufrag}\r\na=tracks:${this.#senders.length}\r\nm=audio 9 UDP/TLS/RTP/SAVPF 111\r\n`
    this.localDescription = { type, sdp }
    this.#isNeeded = false
    if (type === 'offer') this.signalingState = 'have-local-offer'
    else this.#settle()
    const candidate = { candidate: `candidate:${ufrag}`, sdpMid: '0', sdpMLineIndex: 0, usernameFragment: ufrag }
    for (const found of [candidate, null])
      this.dispatchEvent(Object.assign(new Event('icecandidate'), { candidate: found }))
  }

  async setRemoteDescription(description: { type: 'offer' | 'answer'; sdp: string }): Promise<void> {
    await undefined
    // An offer of our own that meets theirs is rolled back.
    if (description.type === 'offer' && this.signalingState === 'have-local-offer') {
      this.localDescription = this.#stable
      this.#isNeeded = true
    }
    this.remoteDescription = description
    if (description.type === 'offer') this.signalingState = 'have-remote-offer'
    else this.#settle()
  }

  async addIceCandidate(candidate: RTCIceCandidateInit | null): Promise<void> {
    if (candidate) this.candidates.push(candidate)
  }

  close(): void {
    this.signalingState = 'closed'
  }

  /** Moves the path of the media, as the network would. */
  move(connectionState: RTCPeerConnectionState): void {
    this.connectionState = connectionState
    this.dispatchEvent(new Event('connectionstatechange'))
  }

  #settle(): void {
    this.signalingState = 'stable'
    this.#stable = this.localDescription
    this.move('connected')
    if (this.#isNeeded) this.#need()
  }

  #need(): void {
    this.#isNeeded = true
    queueMicrotask(() => {
      if (this.#isNeeded && this.signalingState === 'stable') this.dispatchEvent(new Event('negotiationneeded'))
    })
  }
}

/** The same, as the calls of a room take it. */
export const RTCPeerConnection = FakeConnection as unknown as typeof globalThis.RTCPeerConnection

/** A track that carries nothing. */
export function fakeTrack(kind = 'video'): MediaStreamTrack {
  // A call only hands it on.
  return { kind, id: crypto.randomUUID() } as MediaStreamTrack
}

/** A stream of such tracks. */
export function fakeStream(...tracks: MediaStreamTrack[]): MediaStream {
  return { getTracks: () => tracks } as unknown as MediaStream
}
