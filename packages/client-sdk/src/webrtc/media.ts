/** Adds a track on a media line that lies idle, if there is one: otherwise each camera off and on would leave a dead line. */
export async function putTrack(pc: RTCPeerConnection, track: MediaStreamTrack, streams: MediaStream[]): Promise<void> {
  const idle = pc
    .getTransceivers()
    .find(
      (line) =>
        line.mid !== null &&
        line.direction === 'recvonly' &&
        !line.sender.track &&
        line.receiver.track.kind === track.kind,
    )
  if (!idle) return void pc.addTrack(track, ...streams)
  idle.direction = 'sendrecv'
  // Older Firefox has no setStreams; there the other end gets the track with the stream it had before.
  idle.sender.setStreams?.(...streams)
  await idle.sender.replaceTrack(track)
}

/** Stops sending a track, if it is being sent. The track itself goes on: it belongs to whoever made it. */
export function dropTrack(pc: RTCPeerConnection, track: MediaStreamTrack): void {
  for (const sender of pc.getSenders()) if (sender.track === track) pc.removeTrack(sender)
}

/**
 * Sends the tracks of this stream and no others. A track takes the place of another of its kind without renegotiation;
 * only what is new or gone has to be negotiated.
 */
export async function putStream(pc: RTCPeerConnection, stream: MediaStream | undefined): Promise<void> {
  const wanted = new Set(stream?.getTracks())
  const free: RTCRtpSender[] = []
  for (const sender of pc.getSenders()) if (sender.track && !wanted.delete(sender.track)) free.push(sender)
  for (const track of wanted) {
    const at = free.findIndex((sender) => sender.track?.kind === track.kind)
    const [sender] = at < 0 ? [] : free.splice(at, 1)
    if (sender) await sender.replaceTrack(track)
    else if (stream) await putTrack(pc, track, [stream])
  }
  for (const sender of free) pc.removeTrack(sender)
}
