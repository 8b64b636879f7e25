import { createBoundedMap } from '../bounded-map.ts'
import type { Storage } from '../ports/index.ts'

/** How many devices are remembered. */
const remembered = 20_000

/** Whose devices are, those that are not connected too. A device never changes hands, so what was read stays true. */
export interface DeviceOwners {
  /** The owner of a device that was looked up. */
  ownerOf(device_id: string): string | undefined
  /** Reads whose a device is, once; after that {@link ownerOf} knows. @throws MeshError UNAVAILABLE */
  lookUp(device_id: string): Promise<void>
}

/** @see DeviceOwners */
export function createDeviceOwners({ devices }: Pick<Storage, 'devices'>): DeviceOwners {
  const known = createBoundedMap<string, string>(remembered)
  return {
    ownerOf: (device_id) => known.get(device_id),
    async lookUp(device_id) {
      const device = known.peek(device_id) === undefined ? await devices.find(device_id) : undefined
      if (device) known.set(device_id, device.user_id)
    },
  }
}

/** The device whose owner decides about these capabilities, where there is one. */
export function deviceToLookUp(claims: {
  caps: readonly string[]
  target_device_id?: string | undefined
}): string | undefined {
  return claims.caps.includes('terminal:control') ? claims.target_device_id : undefined
}
