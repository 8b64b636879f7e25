import type { HostAuthenticate } from './host.ts'

/** Mesh's own accounts: names, passwords, devices. This is what there is unless told; beside others, say it in `anyOf`. */
export function builtinUsers(): HostAuthenticate {
  // Their tokens are Mesh's own, which are looked at before any hook is asked: there is nothing left to say.
  return Object.assign(() => null, { builtinUsers: true })
}
