import { isAskedByOwnPage, type Authenticated, type HostAuthenticate, type HostRequest } from './host.ts'

/**
 * The host's own session, by cookie: `find` says whose it is. It is asked only where the request has a cookie and the
 * `Origin` of a page that may connect, since a browser sends cookies along for whichever page asks. Whoever brings a token
 * is judged by that instead.
 */
export function session(find: (request: HostRequest) => Authenticated | Promise<Authenticated>): HostAuthenticate {
  return ({ request, token }) => {
    const isMeant = token === undefined && request.headers.has('cookie') && isAskedByOwnPage(request)
    return isMeant ? find(request) : null
  }
}
