import type { Call } from '@mesh/client-sdk/webrtc'
import { openCamera } from './devices.ts'
import { byId } from './dom.ts'
import { createPicture } from './videos.ts'

/** Our own camera and microphone in a call. */
export interface LocalMedia {
  begin(call: Call, stream: MediaStream | undefined): void
  toggleCamera(): Promise<void>
  toggleMicrophone(): void
  /** Lets go of what was opened for this call, and returns it. */
  end(call: Call): MediaStream | undefined
}

/** Sends the camera or not, and the microphone or silence. */
export function createLocalMedia(notify: (text: string) => void): LocalMedia {
  const camera = byId('camera', HTMLButtonElement)
  const microphone = byId('microphone', HTMLButtonElement)
  const picture = createPicture('local')
  let current: { call: Call; stream: MediaStream } | undefined
  let opening = false

  return {
    begin(call, stream = new MediaStream()) {
      current = { call, stream }
      picture.show(stream, 'you')
      label()
    },
    async toggleCamera() {
      if (!current || opening) return
      const { call, stream } = current
      const [track] = stream.getVideoTracks()
      try {
        if (track) {
          stream.removeTrack(track)
          call.removeTrack(track)
          // Muting would leave the light on.
          track.stop()
        } else {
          opening = true
          const opened = await openCamera()
          if (!opened) notify('The camera could not be opened')
          else if (current?.call !== call) opened.stop()
          else {
            stream.addTrack(opened)
            await call.addTrack(opened, stream)
          }
        }
      } catch {
        notify('The call is not ready for that yet')
      } finally {
        opening = false
        label()
      }
    },
    toggleMicrophone() {
      // Silence is sent instead: nothing has to be negotiated, and it is back at once.
      for (const track of current?.stream.getAudioTracks() ?? []) track.enabled = !track.enabled
      label()
    },
    end(call) {
      if (current?.call !== call) return undefined
      const { stream } = current
      current = undefined
      picture.show(undefined, 'you')
      return stream
    },
  }

  function label(): void {
    picture.refresh()
    const sound = current?.stream.getAudioTracks() ?? []
    const seen = (current?.stream.getVideoTracks().length ?? 0) > 0
    const heard = sound.some(({ enabled }) => enabled)
    camera.textContent = seen ? 'Turn camera off' : 'Turn camera on'
    camera.dataset['on'] = String(seen)
    microphone.textContent = sound.length > 0 && !heard ? 'Unmute' : 'Mute'
    microphone.dataset['on'] = String(heard)
    microphone.disabled = sound.length === 0
  }
}
