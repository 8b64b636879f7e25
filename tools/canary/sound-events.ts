import { randomUUID } from 'node:crypto'
import { candidate, fingerprint, rtcId } from '../protocol-suite/sdp.ts'
import type { Wire } from '../protocol-suite/wire.ts'
import { sungCandidate, sungHost, sungSdp } from './fields.ts'
import { login, type Scene } from './scene.ts'
import { answered, connect, enter } from './socket.ts'

/** People meet, with a canary in everything they say; cyd looks on. Returns the types of events that were taken well. */
export async function meet(scene: Scene): Promise<Set<string>> {
  const { secrets, people, room_id } = scene
  const [ana, ben, cyd, dan] = [
    await enter(scene, people.ana),
    await enter(scene, people.ben),
    await enter(scene, people.cyd, 'bystander'),
    await enter(scene, people.dan, 'outsider'),
  ] as const
  const taken = new Set(['system.hello'])
  const ask = async (wire: Wire, type: string, to: string, payload: object) => {
    const answer = await answered(wire, type, to, payload)
    taken.add(type)
    return answer.payload
  }
  /** Sends what only an error answers; a ping behind it shows that none did. */
  const tell = async (wire: Wire, type: string, to: string, payload: object) => {
    const id = wire.send(type, to, payload)
    await answered(wire, 'system.ping', 'server', {})
    const error = wire.all((frame) => frame.reply_to === id && frame.type === 'error')[0]
    if (error) throw new Error(`${type} was answered ${error.code} ${JSON.stringify(error.payload)}`)
    taken.add(type)
  }
  const grant = async (wire: Wire, cap: string, more: object = {}) =>
    String((await ask(wire, 'capability.request', 'server', { room_id, caps: [cap], ...more })).token)

  for (const wire of [ana, ben, cyd]) await ask(wire, 'room.join', room_id, {})
  await ask(ana, 'system.ping', 'server', {})
  await tell(ana, 'system.pong', 'server', {})
  await tell(ana, 'system.ack', 'server', { received: 1 })
  await ask(ana, 'chat.message.send', room_id, { text: secrets.make('chat text') })
  await tell(ana, 'presence.update', room_id, { status: 'busy', note: secrets.make('presence note') })
  await call()
  await share()
  await terminal()
  await resume()
  await ask(ben, 'room.leave', room_id, {})
  for (const wire of [ben, cyd, dan]) wire.socket.close()
  return taken

  async function call(): Promise<void> {
    const rtc_id = rtcId()
    const sung = () => {
      const made = { ...candidate(), candidate: sungCandidate(secrets), usernameFragment: secrets.make('candidate') }
      return { rtc_id, candidate: made }
    }
    const offer = async () => {
      const cap_token = await grant(ana, 'call')
      return { rtc_id, room_id, purpose: 'call', sdp: sungSdp(secrets), cap_token }
    }
    await tell(ana, 'rtc.offer', ben.peer_id, await offer())
    await ben.next('rtc.offer')
    await tell(ben, 'rtc.answer', ana.peer_id, { rtc_id, sdp: sungSdp(secrets) })
    await tell(ana, 'rtc.ice', ben.peer_id, sung())
    await tell(ben, 'rtc.ice', ana.peer_id, sung())
    // Ben's connection breaks and comes back: what was for him meanwhile is kept and sent.
    await tell(ana, 'rtc.offer', ben.peer_id, await offer())
    await tell(ana, 'rtc.bye', ben.peer_id, { rtc_id, reason: 'hangup' })
  }

  async function share(): Promise<void> {
    const places = () => [{ host: sungHost(secrets), port: 40_000, type: 'host' }]
    for (const answer of ['p2p.session.reject', 'p2p.session.accept'] as const) {
      const cap_token = await grant(ana, 'share:file', { target_peer_id: ben.peer_id })
      const params = { name: secrets.make('name'), size: 1, mime: 'text/plain' }
      const wanted = { room_id, purpose: 'share:file', cap_token, candidates: places(), fingerprint: fingerprint() }
      const id = ana.send('p2p.session.request', ben.peer_id, { ...wanted, params })
      const { session_id } = (await ben.next('p2p.session.request')).payload
      if (answer === 'p2p.session.reject') {
        await ask(ben, answer, 'server', { session_id, reason: 'declined' })
        continue
      }
      await ask(ben, answer, 'server', { session_id, candidates: places(), fingerprint: fingerprint() })
      await ana.next((frame) => frame.reply_to === id && frame.type === 'p2p.session.created')
      taken.add('p2p.session.request')
      await ask(ana, 'p2p.session.renew', 'server', { session_id, cap_token: await grant(ana, 'share:file') })
      await ask(ana, 'p2p.session.closed', 'server', { session_id, reason: 'completed', bytes: 1 })
    }
  }

  async function terminal(): Promise<void> {
    const title = secrets.make('name')
    const { terminal_id } = await ask(ana, 'terminal.share.start', room_id, { room_id, title })
    const cap_token = await grant(ana, 'terminal:control', { target_peer_id: ana.peer_id })
    const { fence } = await ask(ana, 'terminal.control.take', 'server', { terminal_id, cap_token })
    await ask(ana, 'terminal.control.renew', 'server', { terminal_id, fence, cap_token })
    await ask(ana, 'terminal.control.release', 'server', { terminal_id, fence })
    await ask(ana, 'terminal.share.stop', 'server', { terminal_id })
  }

  async function resume(): Promise<void> {
    const { access_token: token } = await login(scene, people.ana)
    await ask(ana, 'system.token.refresh', 'server', { token })
    const { session_id, resume } = ana.welcome.payload as { session_id: string; resume: { token: string } }
    ana.socket.terminate()
    await ben.next((frame) => frame.type === 'presence.update' && frame.payload['status'] === 'reconnecting')
    await ask(ben, 'chat.message.send', room_id, { text: secrets.make('chat text') })
    const back = await connect(scene)
    const received = ana.frames.length - 1
    const hello = { token, resume: { session_id, token: resume.token, received }, client: { name: 'x', version: '1' } }
    const { payload } = await answered(back, 'system.hello', 'server', hello)
    if (payload['resumed'] !== true) throw new Error('the session was not resumed')
    back.send('chat.message.send', room_id, { text: secrets.make('chat text') }, { id: randomUUID() })
    back.socket.terminate()
  }
}
