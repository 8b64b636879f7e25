import { fork } from 'node:child_process'
import { once } from 'node:events'
import type { Child } from './child.ts'
import type { Fared } from './innocents.ts'

/** Lets two innocent people use a server while it is attacked. */
export async function watchInnocents(server: Child): Promise<{ user_ids: string[]; ask(): Promise<Fared> }> {
  const accounts = [await server.account('ann'), await server.account('bob')]
  const child = fork(new URL('innocents.ts', import.meta.url), [server.url, 'ann', 'bob'], {
    execArgv: ['--conditions=@mesh/source'],
  })
  await once(child, 'message')
  return {
    user_ids: accounts.map(({ user_id }) => user_id),
    async ask() {
      const told = once(child, 'message')
      child.send('how was it?')
      // The only thing that it says now.
      const [fared] = (await told) as [Fared]
      return fared
    },
  }
}
