// People in a room, in a process of their own, until it is told to end: such as take in what is said, or such as read nothing
// of it from the moment that they are in.
import { createApi } from './api.ts'
import { openWire } from './wire.ts'

const [url = '', username = '', room_id = '', count = '0', isDeaf = 'false'] = process.argv.slice(2)
const account = await createApi(url).login(username)
for (let i = 0; i < Number(count); i++) {
  const wire = await openWire(url, () => {})
  await wire.ask('system.hello', 'server', { token: account.access_token })
  await wire.ask('room.join', room_id, {})
  if (isDeaf === 'true') wire.socket.pause()
}
process.on('disconnect', () => process.exit(0))
process.send?.('there')
