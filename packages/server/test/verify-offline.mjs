// An agent that has never spoken to the server: it has the public keys as JSON and a token, and that is all.
import { publicKeysFrom, verifyCapability, verifySessionToken } from '@mesh/core/tokens'

const [jwks, issuer, session, capability] = process.argv.slice(2)
const keys = await publicKeysFrom(JSON.parse(jwks))
const now = Date.now()
const verified = await verifySessionToken(session, { keys, issuer, now })
const granted = await verifyCapability(capability, { keys, issuer })
process.stdout.write(JSON.stringify({ acceptor: verified?.acceptor, purpose: verified?.purpose, caps: granted?.caps }))
