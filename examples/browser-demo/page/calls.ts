import { isMeshError } from '@mesh/client-sdk'
import type { Room } from '@mesh/client-sdk'
import { createCalls } from '@mesh/client-sdk/webrtc'
import type { Call } from '@mesh/client-sdk/webrtc'
import { openDevices, stopStream } from './devices.ts'
import { byId, say } from './dom.ts'
import { watchFigures } from './figures.ts'
import { createLocalMedia } from './local-media.ts'
import { createScreens } from './screens.ts'
import { createPicture } from './videos.ts'
import { endWords } from './words.ts'

/** The one call at a time that this page has. */
export interface CallControl {
  /** Calls a user: every tab of theirs rings, and the first to answer has the call. */
  start(user_id: string): Promise<void>
  readonly active: boolean
}

/** Calls, takes calls and shows them. `changed` hears when a call begins or ends. */
export function startCalls(room: Room, changed: (active: boolean) => void): CallControl {
  const calls = createCalls(room)
  const state = byId('call-state', HTMLElement)
  const incoming = byId('incoming', HTMLElement)
  const videos = byId('videos', HTMLElement)
  const controls = byId('controls', HTMLElement)
  const idle = byId('idle', HTMLElement)
  const remote = createPicture('remote')
  const notify = (text: string): void => say(byId('notice', HTMLElement), text)
  const local = createLocalMedia(notify)
  const screens = createScreens(calls, notify)
  /** The call, and with whom; without a call while the devices are being opened for it. */
  let current: { user_id: string; call?: Call; followed?: boolean } | undefined

  calls.on('incoming', (call) => {
    const user_id = room.peers.get(call.peer ?? '')?.user_id ?? ''
    if (call.purpose === 'screen') {
      if (call.peer !== undefined && call.peer === current?.call?.peer) return screens.take(call, nameOf(user_id))
      return call.decline()
    }
    if (!current) return ring(call, user_id)
    if (current.user_id !== user_id || current.call?.direction === 'incoming' || current.call?.state === 'connected') {
      return call.decline('busy')
    }
    // Both called each other at the same moment: the call of the higher user id is the one that counts.
    if (room.mesh.me.user_id > user_id) return
    const own = current.call
    current = undefined
    own?.hangup()
    void accept(call, user_id)
  })
  byId('accept', HTMLButtonElement).addEventListener('click', () => {
    if (current?.call?.state === 'ringing') void accept(current.call, current.user_id)
  })
  byId('decline', HTMLButtonElement).addEventListener('click', () => current?.call?.decline())
  byId('hangup', HTMLButtonElement).addEventListener('click', () => current?.call?.hangup())
  byId('share', HTMLButtonElement).addEventListener('click', () => {
    const peer = current?.call?.peer
    if (peer !== undefined) void screens.toggle(peer)
  })
  for (const [id, act] of [
    ['camera', () => local.toggleCamera()],
    ['microphone', () => local.toggleMicrophone()],
  ] as const) {
    byId(id, HTMLButtonElement).addEventListener('click', () => void act())
  }
  // The other end would notice by itself, but a word is quicker. A tab that dies without one is seen as gone as well.
  addEventListener('pagehide', () => calls.close())

  return {
    start,
    get active() {
      return current !== undefined
    },
  }

  async function start(user_id: string): Promise<void> {
    if (current) return
    const mine = { user_id }
    begin(mine)
    enter('ringing', `Calling ${nameOf(user_id)}…`)
    const { stream, notice } = await openDevices()
    // Meanwhile they may have called us.
    if (current !== mine) return stopStream(stream)
    notify(notice)
    try {
      const call = await calls.start({ to: user_id, ...(stream && { stream }) })
      if (current !== mine) return call.hangup()
      follow(call, user_id, stream)
    } catch (error) {
      stopStream(stream)
      if (current === mine) finish(isMeshError(error) ? `No call: ${error.message}` : 'The call could not be made')
    }
  }

  function ring(call: Call, user_id: string): void {
    const name = nameOf(user_id)
    begin({ user_id, call })
    enter('incoming', `${name} is calling`)
    byId('incoming-text', HTMLElement).textContent = `${name} wants to talk to you.`
    incoming.hidden = false
    const answer = byId('accept', HTMLButtonElement)
    // The keyboard goes to the answer, unless somebody is typing.
    if (!(document.activeElement instanceof HTMLInputElement)) answer.focus()
    call.on('ended', (reason) => current?.call === call && !current.followed && finish(endWords(reason, name)))
  }

  async function accept(call: Call, user_id: string): Promise<void> {
    incoming.hidden = true
    begin({ user_id, call })
    enter('connecting', `Connecting to ${nameOf(user_id)}…`)
    const { stream, notice } = await openDevices()
    if (call.state === 'ended') return stopStream(stream)
    notify(notice)
    follow(call, user_id, stream)
    try {
      await call.accept(stream)
    } catch {
      call.hangup()
    }
  }

  /** Shows a call until it ends. */
  function follow(call: Call, user_id: string, stream: MediaStream | undefined): void {
    const name = nameOf(user_id)
    current = { user_id, call, followed: true }
    const stopFigures = watchFigures(call)
    local.begin(call, stream)
    videos.hidden = false
    controls.hidden = false
    remote.show(undefined, name)
    call.on('track', ({ track, streams: [from] }) => remote.show(from ?? new MediaStream([track]), name))
    call.on('state', (now) => {
      if (now === 'connecting') enter('connecting', `Connecting to ${name}…`)
      if (now === 'connected') enter('connected', `In a call with ${name}`)
    })
    call.on('ended', (reason) => {
      stopFigures()
      stopStream(local.end(call))
      if (reason !== 'disconnected') notify('')
      if (current?.call === call) finish(endWords(reason, name))
    })
  }

  function begin(next: NonNullable<typeof current>): void {
    current = next
    notify('')
    idle.hidden = true
    changed(true)
  }

  function finish(words: string): void {
    current = undefined
    screens.stop()
    for (const part of [incoming, videos, controls]) part.hidden = true
    idle.hidden = false
    remote.show(undefined, '')
    enter('none', words)
    changed(false)
  }

  function enter(name: string, words: string): void {
    state.dataset['state'] = name
    state.textContent = words
  }

  function nameOf(user_id: string): string {
    return room.members.get(user_id)?.username ?? 'somebody'
  }
}
