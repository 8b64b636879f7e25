import type { Call, Calls } from '@mesh/client-sdk/webrtc'
import { stopStream } from './devices.ts'
import { byId } from './dom.ts'
import { createPicture } from './videos.ts'

/** Screens beside the call: each is a session of its own. */
export interface Screens {
  /** Takes the screen of somebody we are in a call with. */
  take(screen: Call, name: string): void
  /** Shows our screen to this peer, or stops showing it. */
  toggle(peer: string): Promise<void>
  /** Ends whatever is shown, either way. */
  stop(): void
}

/** Shares screens, and shows those that are shared. */
export function createScreens(calls: Calls, notify: (text: string) => void): Screens {
  const button = byId('share', HTMLButtonElement)
  const figure = byId('screen', HTMLElement)
  const picture = createPicture('screen')
  let shared: Call | undefined
  let watched: Call | undefined
  let choosing = false

  return {
    take(screen, name) {
      watched?.hangup()
      watched = screen
      screen.on('track', ({ track, streams: [stream] }) => {
        figure.hidden = false
        picture.show(stream ?? new MediaStream([track]), `${name}'s screen`)
      })
      screen.on('ended', () => {
        if (watched !== screen) return
        watched = undefined
        figure.hidden = true
        picture.show(undefined, '')
      })
      screen.accept().catch(() => notify(`The screen of ${name} could not be shown`))
    },
    async toggle(peer) {
      if (shared) return shared.hangup()
      if (choosing) return
      choosing = true
      try {
        await share(peer)
      } finally {
        choosing = false
      }
    },
    stop() {
      shared?.hangup()
      watched?.hangup()
    },
  }

  async function share(peer: string): Promise<void> {
    let stream: MediaStream
    try {
      stream = await navigator.mediaDevices.getDisplayMedia({ video: true })
    } catch {
      return notify('No screen was chosen')
    }
    try {
      const screen = await calls.start({ to: peer, purpose: 'screen', stream })
      shared = screen
      label()
      // The browser has a button of its own to stop sharing.
      for (const track of stream.getTracks()) track.addEventListener('ended', () => screen.hangup())
      screen.on('ended', () => {
        stopStream(stream)
        if (shared === screen) shared = undefined
        label()
      })
    } catch {
      stopStream(stream)
      notify('The screen could not be shared')
    }
  }

  function label(): void {
    button.textContent = shared ? 'Stop sharing' : 'Share screen'
    button.dataset['on'] = String(shared !== undefined)
  }
}
