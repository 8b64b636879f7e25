import type { Principal } from '@mesh/core'

/** What a route finds in its context. */
export interface Env {
  Variables: { principal: Principal }
}
