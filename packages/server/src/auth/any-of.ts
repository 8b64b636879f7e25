import type { HostAuthenticate } from './host.ts'

/** Asks one after the other, until one knows who it is. If none does, the first that said why not is what the client hears. */
export function anyOf(...hooks: readonly HostAuthenticate[]): HostAuthenticate {
  const ask: HostAuthenticate = async (input) => {
    const reasons: unknown[] = []
    for (const hook of hooks) {
      try {
        const principal = await hook(input)
        if (principal) return principal
      } catch (error) {
        reasons.push(error)
      }
    }
    if (reasons.length > 0) throw reasons[0]
    return null
  }
  return Object.assign(ask, {
    builtinUsers: hooks.some((hook) => hook.builtinUsers === true),
    issuers: hooks.flatMap((hook) => hook.issuers ?? []),
  })
}
