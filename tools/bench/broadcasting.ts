// CPU of the server process for each delivered event in a room of 100, with as many events as it can take: several senders
// keep a fixed number of events on the way.
import { connectBare, connectMesh, fill, frame, type Client } from './clients.ts'
import { median, usageOf, type Server } from './servers.ts'

const members = 100
const senders = 30
const perSender = 20
/** Mesh tells one of two updates that a peer makes within a millisecond: so far apart at least are those of a sender. */
const apartMs = 2
const rounds = 7
const warmups = 2

/** Every sender sends its next event when it has heard those of the others, so that the room is never idle. */
function drive(room: Client[], write: () => string): Promise<void> {
  return new Promise((resolve, reject) => {
    const total = senders * perSender
    const expected = room.map((_, i) => (i < senders ? total - perSender : total))
    let open = room.length
    const wrong = setTimeout(() => reject(new Error(`${open} of ${members} did not hear everything`)), 60_000)
    room.forEach(({ socket }, i) => {
      let heard = 0
      let sent = 0
      let sentAt = -Infinity
      const send = () => {
        const early = sentAt + apartMs - performance.now()
        if (early > 0) return void setTimeout(send, early)
        if (i >= senders || sent++ >= perSender) return
        sentAt = performance.now()
        socket.send(write())
      }
      const listen = () => {
        heard++
        if (heard % (senders - 1) === 0) send()
        if (heard < (expected[i] ?? 0)) return
        socket.off('message', listen)
        if (--open > 0) return
        clearTimeout(wrong)
        resolve()
      }
      socket.on('message', listen)
      send()
    })
  })
}

async function measure(server: Server, room: Client[], write: () => string): Promise<number> {
  const before = await usageOf(server)
  await drive(room, write)
  const delivered = senders * perSender * (members - 1)
  return ((await usageOf(server)).cpu - before.cpu) / delivered
}

/** Measures presence events, the broadcast that no storage slows down. */
export async function broadcasting(bare: Server, mesh: Server): Promise<string[]> {
  const onBare = await fill(members, () => connectBare(bare))
  const onMesh = await fill(members, () => connectMesh(mesh))
  // The first to come have heard of those that came later.
  await new Promise((resolve) => setTimeout(resolve, 500))
  const event = (to: string) => () => frame('presence.update', to, { status: 'busy', note: 'in a meeting until noon' })
  const results: { bare: number; mesh: number }[] = []
  for (let i = 0; i < warmups + rounds; i++) {
    const result = {
      bare: await measure(bare, onBare, event('room')),
      mesh: await measure(mesh, onMesh, event(mesh.room_id)),
    }
    if (i >= warmups) results.push(result)
  }
  for (const { socket } of [...onBare, ...onMesh]) socket.terminate()
  const ratio = median(results.map((result) => result.mesh / result.bare))
  return [
    `presence.update to a room of ${members}: a stringify per receiver ${median(results.map((r) => r.bare)).toFixed(2)} us, Mesh ${median(results.map((r) => r.mesh)).toFixed(2)} us of CPU a delivery, ratio ${ratio.toFixed(2)} (goal: at most 0.75)`,
  ]
}
