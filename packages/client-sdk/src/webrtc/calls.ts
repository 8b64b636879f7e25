import { MeshError } from '@mesh/core/errors'
import { createEmitter } from '../emitter.ts'
import type { Room } from '../types.ts'
import { aim, createCall } from './call.ts'
import { createConfiguration } from './configuration.ts'
import type { CallContext, CallHandle } from './call.ts'
import { newRtcId } from './id.ts'
import type { Call, Calls, CallsEvents, CallsOptions, CallPurpose } from './types.ts'

/** Makes calls in a room, and hears of those that others make. One for each room is enough. */
export function createCalls(room: Room, options: CallsOptions = {}): Calls {
  const { mesh } = room
  const events = createEmitter<CallsEvents>()
  const handles = new Map<string, CallHandle>()
  const active = new Map<string, Call>()
  const configuration = createConfiguration(room, options)

  const offs = [
    mesh.on('rtc.offer', ({ rtc_id, room_id, purpose, sdp }, { from = '' }) => {
      if (room_id !== room.id || !isOurs(purpose)) return
      const known = partner(rtc_id, from)
      if (known) return hasMediaOnly(sdp) ? known.offered(sdp) : refuse(known)
      if (handles.has(rtc_id)) return
      const handle = add({ rtc_id, purpose, direction: 'incoming', to: from })
      if (!hasMediaOnly(sdp)) return refuse(handle)
      handle.offered(sdp)
      events.emit('incoming', handle.call)
    }),
    mesh.on('rtc.answer', ({ rtc_id, sdp }, { from = '' }) => partner(rtc_id, from)?.answered(sdp, from)),
    mesh.on('rtc.ice', ({ rtc_id, candidate }, { from }) =>
      partner(rtc_id, from)?.candidate(candidate as RTCIceCandidateInit | null),
    ),
    mesh.on('rtc.bye', ({ rtc_id, reason }, { from }) => {
      // The server says so of a peer whose connection it has lost.
      partner(rtc_id, from)?.end(from === 'server' && reason === 'failed' ? 'gone' : reason)
    }),
    mesh.on('call.missed', (missed, { to }) => {
      if (to === room.id && missed.to_user_id === mesh.me.user_id) events.emit('missed', missed)
    }),
    room.on('presence', ({ peer_id, status }) => {
      if (status === 'offline') endAll('gone', ({ peer }) => peer === peer_id)
    }),
    // Another peer id is another end: the server has closed what belonged to the old one.
    room.on('rejoined', () => endAll('disconnected')),
    room.on('left', (reason) => {
      endAll(reason === 'left' ? 'left' : reason === 'disconnected' ? 'disconnected' : 'revoked')
      for (const off of offs) off()
    }),
  ]

  return {
    room,
    active,
    on: events.on,
    async start({ to, purpose = 'call', stream }) {
      if (purpose === 'screen' && !stream?.getTracks().length) throw new TypeError('A screen needs a stream to show')
      const granted = await room.capability([purpose], aim(to))
      const handle = add({ rtc_id: newRtcId(), purpose, direction: 'outgoing', to })
      try {
        await handle.open(stream, granted)
      } catch (error) {
        handle.end('failed', error)
        throw error
      }
      return handle.call
    },
    close() {
      for (const off of offs) off()
      for (const call of active.values()) call.hangup()
    },
  }

  /** The call, if this one has a say in it: anybody may while an outgoing call rings, then only who answered it. */
  function partner(rtc_id: string, from: string | undefined): CallHandle | undefined {
    const handle = handles.get(rtc_id)
    const peer = handle?.call.peer
    return peer === undefined || from === 'server' || from === peer ? handle : undefined
  }

  function add(about: Pick<CallContext, 'rtc_id' | 'purpose' | 'direction' | 'to'>): CallHandle {
    const handle = createCall({
      ...about,
      room,
      configuration,
      createConnection,
      forget: () => forget(about.rtc_id),
    })
    handles.set(about.rtc_id, handle)
    active.set(about.rtc_id, handle.call)
    return handle
  }

  function forget(rtc_id: string): void {
    handles.delete(rtc_id)
    active.delete(rtc_id)
  }

  function createConnection(configuration: RTCConfiguration): RTCPeerConnection {
    const Connection = options.RTCPeerConnection ?? globalThis.RTCPeerConnection
    if (!Connection) throw new TypeError('This runtime has no RTCPeerConnection: pass one as an option')
    return new Connection(configuration)
  }

  function endAll(
    reason: 'gone' | 'disconnected' | 'left' | 'revoked',
    which: (call: Call) => boolean = () => true,
  ): void {
    for (const handle of [...handles.values()]) if (which(handle.call)) handle.end(reason)
  }

  function refuse({ call, end }: CallHandle): void {
    const to = call.peer
    if (to !== undefined)
      void mesh.send('rtc.bye', { rtc_id: call.rtc_id, reason: 'failed' }, { to }).catch(() => undefined)
    end('failed', new MeshError('BAD_MESSAGE', 'A call carries audio and video only', { reason: 'sdp_media' }))
  }
}

function isOurs(purpose: string): purpose is CallPurpose {
  return purpose === 'call' || purpose === 'screen'
}

/** A call is no way to open a data channel. The server sees to that too; this end does not depend on it. */
function hasMediaOnly(sdp: string): boolean {
  return !/^m=(?!audio |video )/m.test(sdp)
}
