import type {
  ClientPayload,
  Mesh,
  Message,
  Reply,
  RequestType,
  Room,
  ServerPayload,
  SignalType,
} from '@mesh/client-sdk'
import type { Calls } from '@mesh/client-sdk/webrtc'
import { expect, expectTypeOf, it } from 'vitest'

it('knows every name and what comes under it', () => {
  expectTypeOf<Reply<'room.join'>>().toEqualTypeOf<ServerPayload<'room.joined'>>()
  expectTypeOf<Reply<'chat.message.send'>>().toEqualTypeOf<Message>()
  expectTypeOf<Reply<'system.ping'>>().toEqualTypeOf<ServerPayload<'system.pong'>>()
  expectTypeOf<'capability.request'>().toExtend<RequestType>()
  expectTypeOf<'system.hello'>().not.toExtend<RequestType>()
  expectTypeOf<'rtc.offer'>().not.toExtend<RequestType>()
  expectTypeOf<'rtc.offer' | 'rtc.ice' | 'presence.update'>().toExtend<SignalType>()
  expectTypeOf<'room.join'>().not.toExtend<SignalType>()
  expectTypeOf<ClientPayload<'chat.message.send'>>().toEqualTypeOf<{ text: string }>()
  // Never called: the compiler is the one who reads it, and it complains of an expected error that is none.
  expect(misuse).toBeTypeOf('function')
})

function misuse(mesh: Mesh, room: Room, calls: Calls): void {
  mesh.on('chat.message.created', ({ text }, { from }) => {
    expectTypeOf(text).toBeString()
    expectTypeOf(from).toEqualTypeOf<string | undefined>()
  })
  mesh.on('state', (state) => void expectTypeOf(state).toEqualTypeOf<Mesh['state']>())
  room.on('message', (message) => void expectTypeOf(message).toEqualTypeOf<Message>())
  expectTypeOf(mesh.request('room.join', {}, { to: room.id })).resolves.toEqualTypeOf<ServerPayload<'room.joined'>>()
  // @ts-expect-error: no such event
  mesh.on('chat.message.sent', () => {})
  // @ts-expect-error: no such field
  mesh.on('chat.message.created', ({ txt }) => txt)
  // @ts-expect-error: no such request
  void mesh.request('room.enter', {})
  // @ts-expect-error: a payload of another event
  void mesh.request('chat.message.send', { status: 'away' }, { to: room.id })
  // @ts-expect-error: a signal has no reply to wait for
  void mesh.request('rtc.bye', { rtc_id: '', reason: 'hangup' })
  // @ts-expect-error: a signal goes to somebody
  void mesh.send('rtc.bye', { rtc_id: '', reason: 'hangup' })
  // @ts-expect-error: not one of the reasons
  void mesh.send('rtc.bye', { rtc_id: '', reason: 'bored' }, { to: '' })
  // @ts-expect-error: a request has a reply, and is not to be thrown away
  void mesh.send('room.join', {}, { to: room.id })
  // @ts-expect-error: a peer says nothing of its own disappearance
  void room.setStatus('offline')
  // @ts-expect-error: no such event of a room
  room.on('chat', () => {})
  // @ts-expect-error: the maps follow the room and nobody else
  room.peers.clear()
  // @ts-expect-error: files go another way
  void calls.start({ to: '', purpose: 'share:file' })
}
