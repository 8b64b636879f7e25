import { once } from 'node:events'
import { capabilityOf, connectMesh, newRtcId, nextOf, type Client } from './clients.ts'
import type { Server } from './servers.ts'
import { exchange, offer, type Pair } from './traffic.ts'

/** Two clients of a server that knows of no calls: what their frames name is only as long as it would be. */
export async function plainPair(connect: () => Promise<Client>, other = connect): Promise<Pair> {
  const [from, to] = [await connect(), await other()]
  const cap_token = 'x'.repeat(520)
  return { from, to, rtc_id: newRtcId(), room_id: newRtcId(), cap_token, token_back: cap_token }
}

/** Two clients of Mesh in a call, the second of them on the same node or on another. */
export async function meshPair(server: Server, other = server): Promise<Pair> {
  const from = await connectMesh(server)
  const to = await meet(from, other)
  const pair = { from, to, rtc_id: newRtcId(), room_id: server.room_id, cap_token: '', token_back: '' }
  await call(pair)
  return pair
}

/** Calls, or calls again, since tokens are short-lived: with one that the server has seen then, of each end. */
export async function call(pair: Pair): Promise<void> {
  const { from, to } = pair
  pair.cap_token = await capabilityOf(from, pair.room_id)
  pair.token_back = await capabilityOf(to, pair.room_id)
  await agree(pair)
  await agree({ ...pair, from: to, to: from, cap_token: pair.token_back })
}

/** The one offers, the other answers. */
async function agree(pair: Pair): Promise<void> {
  const { from, to } = pair
  const [rings, answers] = [nextOf(to.socket, 'rtc.offer'), nextOf(from.socket, 'rtc.answer')]
  from.send(offer.write({ ...pair, to: to.id }))
  await rings
  to.send(exchange.answer?.({ ...pair, to: from.id }) ?? '')
  await answers
}

/** Connects another client, and waits until the first has heard of it. */
async function meet({ socket }: Client, server: Server): Promise<Client> {
  let heard = ''
  const listen = (data: Buffer) => void (heard += data.toString())
  socket.on('message', listen)
  const other = await connectMesh(server)
  while (!heard.includes(other.id)) await once(socket, 'message')
  socket.off('message', listen)
  return other
}
