import { readFile } from 'node:fs/promises'
import { families } from '@mesh/server/metrics'
import { describe, expect, it } from 'vitest'
import { prepare, startStandalone } from './standalone.ts'
import { open, sdp, type Wire } from './support.ts'

/** A server with two members of a room, and as many others as are asked for. */
async function start(others = 0) {
  const names = ['ann', 'ben', ...Array.from({ length: others }, (_, index) => `other${index}`)]
  const { dataDir, room, tokens } = await prepare(async (mesh) => {
    const users = await Promise.all(names.map((name) => mesh.tokens.mint({ user: { id: name, name } })))
    const { room_id } = await mesh.rooms.create(users[0]?.user_id ?? '', 'Counted')
    for (const { user_id } of users.slice(1)) {
      await mesh.rooms.setMember('administrator', room_id, user_id, 'member')
    }
    return { room: room_id, tokens: users.map(({ access_token }) => access_token) }
  })
  const server = await startStandalone(dataDir)
  return { ...server, room, tokens, ws: `${server.url.replace('http', 'ws')}/ws` }
}

/** Scrapes the server; a series is found by its name and labels as they are written. */
async function scrape(monitorUrl: string): Promise<{ text: string; series: Map<string, number> }> {
  const response = await fetch(`${monitorUrl}/metrics`)
  expect(response.headers.get('content-type')).toContain('text/plain; version=0.0.4')
  const text = await response.text()
  const lines = text.split('\n').filter((line) => line !== '' && !line.startsWith('#'))
  const series = lines.map((line): [string, number] => {
    const at = line.lastIndexOf(' ')
    return [line.slice(0, at), Number(line.slice(at + 1))]
  })
  return { text, series: new Map(series) }
}

/** Notes how many frames of each type a client sends, and their bytes. */
function watch(wire: Wire): Map<string, { frames: number; bytes: number }> {
  const sent = new Map<string, { frames: number; bytes: number }>()
  const send = wire.socket.send.bind(wire.socket)
  wire.socket.send = (data: string) => {
    const { type } = JSON.parse(data) as { type: string }
    const { frames, bytes } = sent.get(type) ?? { frames: 0, bytes: 0 }
    sent.set(type, { frames: frames + 1, bytes: bytes + Buffer.byteLength(data) })
    send(data)
  }
  return sent
}

describe('metrics', () => {
  it('say what was sent, to the frame and the byte', async () => {
    const { url, ws, monitorUrl, room, tokens } = await start()
    const [a, b] = [await open(ws), await open(ws)]
    const sent = watch(a)
    await a.hello(tokens[0])
    await b.hello(tokens[1])
    await a.ask('room.join', room, {})
    await b.ask('room.join', room, {})
    for (let i = 0; i < 7; i++) await a.ask('chat.message.send', room, { text: `message ${i} with an ä` })
    const granted = await a.ask('capability.request', 'server', { room_id: room, caps: ['call'] })
    const cap_token = granted.payload.token
    const rtc_id = `rtc_${'a'.repeat(22)}`
    const offer = { rtc_id, room_id: room, purpose: 'call', cap_token, sdp: sdp() }
    a.send('rtc.offer', b.peer_id, offer)
    await b.next('rtc.offer')
    const candidate = { candidate: 'candidate:1', sdpMid: '0', sdpMLineIndex: 0 }
    for (let i = 0; i < 5; i++) a.send('rtc.ice', b.peer_id, { rtc_id, candidate })
    for (let i = 0; i < 5; i++) await b.next('rtc.ice')
    b.send('rtc.answer', a.peer_id, { rtc_id, sdp: sdp() })
    await a.next('rtc.answer')
    const nobody = `peer_${'z'.repeat(22)}`
    const lost = await a.ask('rtc.offer', nobody, { ...offer, rtc_id: `rtc_${'b'.repeat(22)}` })
    expect(lost.code).toBe('UNROUTABLE')

    const { series } = await scrape(monitorUrl)
    const passed = (type: string, metric: string) => series.get(`mesh_message${metric}{direction="in",type="${type}"}`)
    for (const type of ['room.join', 'chat.message.send', 'capability.request', 'rtc.ice']) {
      const mine = sent.get(type) ?? { frames: 0, bytes: 0 }
      const others = type === 'room.join' ? 1 : 0
      expect([type, passed(type, 's_total')]).toEqual([type, mine.frames + others])
      if (others === 0) expect([type, passed(type, '_bytes_total')]).toEqual([type, mine.bytes])
    }
    expect(
      Object.fromEntries(
        [...series].filter(([name]) => /^mesh_(connections|signals|rooms?_|rooms|p2p_sess)/.test(name)),
      ),
    ).toEqual({
      'mesh_connections{kind="user",transport="websocket"}': 2,
      'mesh_connections{kind="agent",transport="websocket"}': 0,
      'mesh_connections{kind="unauthenticated",transport="websocket"}': 0,
      mesh_connections_total: 2,
      'mesh_signals_total{result="delivered"}': 7,
      'mesh_signals_total{result="unroutable"}': 1,
      'mesh_signals_total{result="timeout"}': 0,
      mesh_rooms: 1,
      mesh_room_members: 2,
      'mesh_p2p_sessions{transport="webrtc"}': 1,
      'mesh_p2p_sessions{transport="quic"}': 0,
      'mesh_p2p_sessions_total{transport="webrtc",result="opened"}': 1,
      'mesh_p2p_sessions_total{transport="quic",result="opened"}': 0,
    })
    expect(series.get('mesh_events_total{type="chat.message.created"}')).toBe(7)
    expect(series.get('mesh_db_query_duration_seconds_count{operation="events.append"}')).toBe(7)
    const times = (of: string) => [series.get(of.replace('#', 'count')), series.get(of.replace('#', 'sum'))]
    for (const [of, count] of [
      ['mesh_request_duration_seconds_#{type="chat.message.send"}', 7],
      ['mesh_request_duration_seconds_#{type="room.join"}', 2],
      ['mesh_p2p_setup_duration_seconds_#{transport="webrtc"}', 1],
      ['mesh_p2p_setup_duration_seconds_#{transport="quic"}', 0],
      ['mesh_bus_request_duration_seconds_#', 0],
    ] as const) {
      const [counted, sum = NaN] = times(of)
      expect([of, counted, sum > 0]).toEqual([of, count, count > 0])
    }
    const buckets = [...series].filter(([name]) =>
      /^mesh_request_duration_seconds_bucket.*"chat.message.send"/.test(name),
    )
    const values = buckets.map(([, value]) => value)
    expect(values).toEqual([...values].sort((x, y) => x - y))
    expect(buckets.find(([name]) => name.includes('le="+Inf"'))?.[1]).toBe(7)
    expect(series.get('mesh_bus_connected')).toBe(1)
    expect(series.get('mesh_draining')).toBe(0)
    expect(await (await fetch(`${url}/metrics`)).json()).toMatchObject({ code: 'NOT_FOUND' })
  })

  it('say what was refused, resumed and limited', async () => {
    const { url, ws, monitorUrl, tokens } = await start()
    const stranger = await open(ws)
    await stranger.hello('not.a.token')
    const login = { username: 'ann', password: 'a wrong password' }
    const headers = { 'content-type': 'application/json' }
    await fetch(`${url}/api/v1/auth/login`, { method: 'POST', headers, body: JSON.stringify(login) })
    const a = await open(ws)
    const { payload } = await a.hello(tokens[0])
    for (let i = 0; i < 30; i++) a.send('system.ping', 'server', {})
    await a.next((frame) => frame.code === 'RATE_LIMITED')
    await a.ask('system.ack', 'server', { received: 1 }).catch(() => {})
    const limited = () => a.frames.filter(({ code }) => code === 'RATE_LIMITED').length
    a.socket.terminate()
    await a.closed

    const resume = { session_id: payload.session_id, received: 0, token: (payload.resume as { token: string }).token }
    const back = await open(ws)
    const welcome = await back.ask('system.hello', 'server', { token: tokens[0], resume })
    expect(welcome.payload.resumed).toBe(true)
    const late = await open(ws)
    await late.ask('system.hello', 'server', { token: tokens[0], resume: { ...resume, token: 'x'.repeat(43) } })

    const { series } = await scrape(monitorUrl)
    expect(series.get('mesh_auth_failures_total{reason="AUTH_INVALID"}')).toBe(2)
    expect(series.get('mesh_http_requests_total{route="login",result="AUTH_INVALID"}')).toBe(1)
    expect(series.get('mesh_closes_total{reason="auth_invalid"}')).toBe(1)
    expect(series.get('mesh_resumes_total{result="resumed"}')).toBe(1)
    expect(series.get('mesh_resumes_total{result="refused"}')).toBe(1)
    expect(limited()).toBeGreaterThan(0)
    expect(series.get('mesh_rate_limited_total{scope="message"}')).toBeGreaterThanOrEqual(limited())
  })

  it('have no label that grows with users, rooms or what they make up', async () => {
    const { ws, monitorUrl, room, tokens } = await start(10)
    const join = async (token: string) => {
      const wire = await open(ws)
      await wire.hello(token)
      await wire.ask('room.join', room, {})
      await wire.ask('chat.message.send', room, { text: 'hello' })
      await wire.ask(`made.up.${token.slice(-8)}`, 'server', {})
    }
    await join(tokens[0] ?? '')
    // Reading asks the storage as well, which shows from the next time on.
    await scrape(monitorUrl)
    const ours = ({ series }: { series: Map<string, number> }) =>
      [...series.keys()].filter((name) => name.startsWith('mesh_')).sort()
    const before = ours(await scrape(monitorUrl))
    for (const token of tokens.slice(1)) await join(token)
    const after = await scrape(monitorUrl)
    expect(after.series.get('mesh_connections{kind="user",transport="websocket"}')).toBe(tokens.length)
    expect(ours(after)).toEqual(before)
    expect(after.text).not.toMatch(/\b(usr|peer|room|sess|rtc|msg|dev)_[\w-]{10}|made\.up|other\d|127\.0\.0\.1/)
  })
})

describe('the dashboard', () => {
  it('asks for nothing that there is not, and for all that Mesh tells', async () => {
    const dashboard = String(await readFile(new URL('../../../docs/grafana/mesh.json', import.meta.url)))
    const { panels, templating } = JSON.parse(dashboard) as {
      panels: { targets: { expr: string }[] }[]
      templating: { list: { query: string | { query: string } }[] }
    }
    const queries = [
      ...panels.flatMap(({ targets }) => targets.map(({ expr }) => expr)),
      ...templating.list.map(({ query }) => (typeof query === 'string' ? query : query.query)),
    ]
    const asked = new Set(queries.flatMap((query) => query.match(/\b(mesh|nodejs)_\w+/g) ?? []))
    const { monitorUrl } = await start()
    const told = [...(await scrape(monitorUrl)).text.matchAll(/^# TYPE (\w+) (\w+)/gm)].map(([, name, type]) =>
      // Of a histogram only its series can be asked for.
      type === 'histogram' ? `${name}_bucket` : String(name),
    )
    expect([...asked].filter((name) => !told.includes(name))).toEqual([])
    expect(told.filter((name) => name.startsWith('mesh_') && !asked.has(name))).toEqual([])
    expect(families.filter(({ name, type }) => !told.includes(type === 'histogram' ? `${name}_bucket` : name))).toEqual(
      [],
    )
  })
})

describe('health', () => {
  it('is told in short to everybody, and with its reasons where metrics are', async () => {
    const { url, monitorUrl } = await start()
    const body = async (at: string) => {
      const response = await fetch(at)
      return [response.status, await response.json()]
    }
    expect(await body(`${url}/healthz`)).toEqual([200, { status: 'ok' }])
    expect(await body(`${url}/readyz`)).toEqual([200, { status: 'ready' }])
    const checks = { storage: true, clock: true, bus: true, accepting: true }
    expect(await body(`${monitorUrl}/readyz`)).toEqual([200, { status: 'ready', checks }])
    expect(await body(`${monitorUrl}/healthz`)).toEqual([200, { status: 'ok' }])
    expect(await body(`${monitorUrl}/version`)).toMatchObject([200, { name: 'mesh' }])
    expect((await fetch(`${monitorUrl}/metrics`, { method: 'POST' })).status).toBe(404)
  })
})
