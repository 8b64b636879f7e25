import { authRoutes } from './auth.ts'
import { deviceRoutes } from './devices.ts'
import { historyRoutes } from './history.ts'
import { hostRoutes } from './host.ts'
import { iceServerRoutes } from './ice-servers.ts'
import { inviteRoutes } from './invites.ts'
import { memberRoutes } from './members.ts'
import { roomRoutes } from './rooms.ts'
import type { Route } from './route.ts'
import { setupRoutes } from './setup.ts'
import { documentRoutes, serverRoutes } from './server.ts'
import { ownRoutes, userRoutes } from './users.ts'

/** THE table of REST: every route there is. Without accounts of its own a server has no logins and no users to manage. */
export function routesOf({ builtinAccounts }: { builtinAccounts: boolean }): readonly Route[] {
  const accounts: readonly Route[] = builtinAccounts ? [...setupRoutes, ...authRoutes, ...userRoutes] : []
  const api: readonly Route[] = [
    ...accounts,
    ...ownRoutes,
    ...deviceRoutes,
    ...hostRoutes,
    ...roomRoutes,
    ...memberRoutes,
    ...iceServerRoutes,
    ...inviteRoutes,
    ...historyRoutes,
    ...documentRoutes,
  ]
  return [...api.map((route) => ({ ...route, path: `/api/v1${route.path}` })), ...serverRoutes]
}
