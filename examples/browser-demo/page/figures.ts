import type { Call } from '@mesh/client-sdk/webrtc'
import { byId, say } from './dom.ts'
import { pathTitles, pathWords } from './words.ts'

/** What `getStats` says of incoming video; the standard has the fields, TypeScript's report does not. */
interface InboundVideo {
  type: string
  kind?: string
  framesDecoded?: number
  framesPerSecond?: number
  frameWidth?: number
  frameHeight?: number
}

/** Says how the media goes and how well, once a second while there is a call; returns its own stop. */
export function watchFigures(call: Call): () => void {
  const path = byId('call-path', HTMLElement)
  const figures = byId('figures', HTMLElement)
  const timer = setInterval(() => void read(), 1000)
  const off = call.on('state', () => void read())
  return stop

  async function read(): Promise<void> {
    const way = call.state === 'connected' ? await call.path() : undefined
    const stats = await call.connection?.getStats()
    // The call may have ended while we asked.
    if (call.state === 'ended' || !stats) return
    say(path, way && pathWords[way])
    path.title = way ? pathTitles[way] : ''
    path.dataset['path'] = way ?? ''
    const videos = [...(stats as ReadonlyMap<string, InboundVideo>).values()].filter(
      ({ type, kind }) => type === 'inbound-rtp' && kind === 'video',
    )
    // A camera that went off and on again may have another line than before.
    const frames = videos.reduce((sum, { framesDecoded = 0 }) => sum + framesDecoded, 0)
    const live = videos.find(({ framesPerSecond = 0 }) => framesPerSecond > 0)
    figures.dataset['framesDecoded'] = String(frames)
    figures.textContent = live
      ? `Receiving ${live.frameWidth}×${live.frameHeight} at ${Math.round(live.framesPerSecond ?? 0)} frames/s`
      : ''
  }

  function stop(): void {
    clearInterval(timer)
    off()
    say(path)
    figures.textContent = ''
    delete figures.dataset['framesDecoded']
  }
}
