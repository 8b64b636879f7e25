/** What a call starts with, and what to tell the user where something is missing. */
export interface Devices {
  readonly stream: MediaStream | undefined
  readonly notice: string
}

/** Opens camera and microphone, or as much of them as there is and is allowed. Never throws. */
export async function openDevices(): Promise<Devices> {
  const both = await open({ audio: true, video: true })
  if (both instanceof MediaStream) return { stream: both, notice: '' }
  if (both.name === 'NotAllowedError') {
    return {
      stream: undefined,
      notice: 'Camera and microphone are blocked: you see and hear, but are not seen or heard.',
    }
  }
  // Asking for both fails when one of them is missing or in use.
  const sound = await open({ audio: true })
  if (sound instanceof MediaStream)
    return { stream: sound, notice: 'No camera could be opened: you are heard, not seen.' }
  const picture = await open({ video: true })
  if (picture instanceof MediaStream) {
    return { stream: picture, notice: 'No microphone could be opened: you are seen, not heard.' }
  }
  return {
    stream: undefined,
    notice: 'No camera or microphone was found: you see and hear, but are not seen or heard.',
  }
}

/** Opens the camera alone; undefined when that is not possible. */
export async function openCamera(): Promise<MediaStreamTrack | undefined> {
  const picture = await open({ video: true })
  return picture instanceof MediaStream ? picture.getVideoTracks()[0] : undefined
}

/** Turns everything off that a stream has on. */
export function stopStream(stream: MediaStream | undefined): void {
  for (const track of stream?.getTracks() ?? []) track.stop()
}

async function open(wanted: MediaStreamConstraints): Promise<MediaStream | DOMException> {
  try {
    return await navigator.mediaDevices.getUserMedia(wanted)
  } catch (error) {
    return error instanceof DOMException ? error : new DOMException(String(error), 'NotReadableError')
  }
}
