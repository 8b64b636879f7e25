// An agent that greets a room: node --conditions=@mesh/source main.ts <server> <room id> [code]
import { connect } from '@mesh/client-sdk'
import { accessToken, enrol, readIdentity } from './identity.ts'

const [base = 'http://127.0.0.1:7330', room_id = '', code] = process.argv.slice(2)
const file = process.env['AGENT_KEY_FILE'] ?? './agent-key.json'

const known = await readIdentity(file)
if (!known && code === undefined) throw new Error('The first time it needs a code of POST /api/v1/devices/enrolments')
const identity = known ?? (await enrol(base, file, code ?? '', 'greeter'))
console.log(`device ${identity.device_id}, key ${identity.key.kid}`)

// Asked again before a token ends: the agent signs another assertion.
const mesh = await connect({ url: `${base.replace(/^http/, 'ws')}/ws`, token: () => accessToken(base, identity) })
const room = await mesh.join(room_id)
await room.send('Hello, I am a machine')
console.log('said hello')
process.once('SIGTERM', () => mesh.close())
