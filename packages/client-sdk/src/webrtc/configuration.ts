import type { Capability, Room } from '../types.ts'
import type { CallsOptions } from './types.ts'

/** How the connections of a room are set up. */
export interface Configuration {
  /** Whether STUN and TURN servers come with capabilities, and not from the application. */
  readonly isGranted: boolean
  /** The configuration of a connection, with the servers of the capability where there is one. */
  of(granted: Capability | undefined): Promise<RTCConfiguration>
}

/** @see Configuration */
export function createConfiguration(room: Room, options: CallsOptions): Configuration {
  const { iceServers: own } = options
  return {
    isGranted: own === undefined,
    async of(granted) {
      // What is left out on the wire is absent here as well, and never undefined.
      const theirs = granted?.ice_servers as RTCIceServer[] | undefined
      const iceServers = typeof own === 'function' ? await own() : (own ?? theirs)
      // The server lets no other candidates through there, and so nobody's address is even looked for.
      const iceTransportPolicy = room.relayOnly ? 'relay' : options.iceTransportPolicy
      return { ...(iceServers && { iceServers }), ...(iceTransportPolicy && { iceTransportPolicy }) }
    },
  }
}

/** When to ask again for servers that did not come, in milliseconds. */
const retryMs = 30_000
const dayMs = 86_400_000

/**
 * Keeps the servers of a connection good for as long as its call lasts, for an ICE restart: then the end that only answers
 * looks for another path as well.
 */
export function keepRenewed(options: {
  configuration: Configuration
  /** The capability whose servers are in force. */
  granted: Capability | undefined
  ask(): Promise<Capability>
  apply(configuration: RTCConfiguration): void
  /** Acts later, unless the call ends before. */
  later(ms: number, act: () => void): void
}): void {
  const { configuration, granted, later } = options
  if (configuration.isGranted && granted) renewIn(renewalMs(granted))

  function renewIn(ms: number | undefined): void {
    if (ms !== undefined) later(ms, () => void renew())
  }

  async function renew(): Promise<void> {
    try {
      const fresh = await options.ask()
      options.apply(await configuration.of(fresh))
      renewIn(renewalMs(fresh))
    } catch {
      renewIn(retryMs)
    }
  }
}

/**
 * In how many milliseconds the servers of a capability are to be asked for again; undefined where it has none. The time is
 * that by which they outlive the token, so that this machine's clock may be wrong and they are still good for as long as a
 * token is.
 */
function renewalMs({ expires_at, ice_expires_at }: Capability): number | undefined {
  if (ice_expires_at === undefined) return undefined
  return Math.min(Math.max(Date.parse(ice_expires_at) - Date.parse(expires_at), 10_000), dayMs)
}
