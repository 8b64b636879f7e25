import { createKeyring, generateSigningKey, issueAssertion, publicJwkOf, randomIds, type Keyring } from '@mesh/core'
import type { Account, Rig, Wire } from './support.ts'

/** A device with its key, as an agent has it. */
export interface Agent {
  device_id: string
  ring: Keyring
  /** Signs an assertion, now or at another time in milliseconds. */
  assertion(now?: number): Promise<string>
  /** Its access token, by an assertion of its own. */
  login(): Promise<string>
  /** A socket on which it has said hello. */
  connect(): Promise<Wire>
}

/** As much of a server as an agent needs. */
export type AgentHost = Pick<Rig, 'rest' | 'open'> & { mesh: { readonly issuer: string } }

/** Enrols a device of a user's over REST. */
export async function enrol(
  rig: AgentHost,
  { access_token }: Pick<Account, 'access_token'>,
  name = 'build machine',
): Promise<Agent> {
  const key = await generateSigningKey()
  const ring = await createKeyring([key])
  const { body } = await rig.rest('POST', '/api/v1/devices/enrolments', undefined, access_token)
  const request = { code: body.code, name, public_jwk: publicJwkOf(key) }
  const enrolled = await rig.rest('POST', '/api/v1/devices/enrol', request)
  if (enrolled.status !== 201) throw new Error(`not enrolled but ${JSON.stringify(enrolled.body)}`)
  const device_id = String(enrolled.body.device_id)
  const agent: Agent = {
    device_id,
    ring,
    assertion: async (now = Date.now()) =>
      issueAssertion(ring, { device_id, issuer: rig.mesh.issuer, jti: randomIds.uuid(), now }),
    async login() {
      const { body } = await rig.rest('POST', '/api/v1/auth/device', { assertion: await agent.assertion() })
      return String(body.access_token)
    },
    async connect() {
      const wire = await rig.open()
      const welcome = await wire.hello(await agent.login())
      if (welcome.type !== 'system.welcome') throw new Error(`no welcome but ${welcome.code}`)
      return wire
    },
  }
  return agent
}
