import type { Command } from 'commander'
import { ask, show } from '../session.ts'

/** `device revoke`: a lost machine, at once. */
export function addDeviceRevoke(parent: Command): void {
  parent
    .command('revoke')
    .description('forget a device: its connections, sessions and tokens end at once')
    .argument('<device>', 'by id')
    .action(async (device: string, _options: object, command: Command) => {
      const { data } = await ask(command, 'device.revoke', { device })
      show(command, { data, columns: ['device_id'], id: 'device_id' })
    })
}
