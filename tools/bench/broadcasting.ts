// CPU of the server process for each delivered event in a room of 100, with as many events as it can take: several senders
// keep a fixed number of events on the way.
import { connectBare, connectMesh, frame, type Client } from './clients.ts'
import { median, usageOf, type Server } from './servers.ts'

const members = 100
const senders = 10
const perSender = 60
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
      const send = () => {
        if (i < senders && sent++ < perSender) socket.send(write())
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

async function fill(connect: () => Promise<Client>): Promise<Client[]> {
  const room: Client[] = []
  while (room.length < members) room.push(await connect())
  return room
}

/** Measures presence events, the broadcast that no storage slows down. */
export async function broadcasting(bare: Server, mesh: Server): Promise<string[]> {
  const onBare = await fill(() => connectBare(bare))
  const onMesh = await fill(() => connectMesh(mesh))
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
