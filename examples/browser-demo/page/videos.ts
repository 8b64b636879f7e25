import { byId, paintAvatar } from './dom.ts'

/** A place on the page where somebody's picture is. */
export interface Picture {
  /** Shows a stream, or the initial while it has no picture; with undefined nothing at all. */
  show(stream: MediaStream | undefined, name: string): void
  /** Looks again whether there is a picture. */
  refresh(): void
}

/** The place with this id. */
export function createPicture(id: 'remote' | 'local' | 'screen'): Picture {
  const figure = byId(id, HTMLElement)
  const video = figure.querySelector('video')
  const avatar = figure.querySelector<HTMLElement>('.avatar')
  const caption = figure.querySelector('figcaption')
  let watched: MediaStreamTrack[] = []

  return {
    show(stream, name) {
      if (video && video.srcObject !== (stream ?? null)) {
        video.srcObject = stream ?? null
        stream?.addEventListener('addtrack', refresh)
        stream?.addEventListener('removetrack', refresh)
      }
      if (avatar) paintAvatar(avatar, name)
      if (caption) caption.textContent = name
      refresh()
    },
    refresh,
  }

  function refresh(): void {
    const stream = video?.srcObject instanceof MediaStream ? video.srcObject : undefined
    for (const track of watched) track.removeEventListener('ended', refresh)
    watched = stream?.getVideoTracks() ?? []
    for (const track of watched) track.addEventListener('ended', refresh)
    // A camera turned off at the other end leaves the stream. `muted` says nothing sure: after a rollback Chromium may
    // leave a track muted whose frames arrive.
    figure.dataset['picture'] = watched.some(({ readyState }) => readyState === 'live') ? 'on' : 'off'
  }
}
