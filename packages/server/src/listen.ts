import type { Server } from 'node:http'
import type { AddressInfo } from 'node:net'

/** Where to listen, and the setting that says so, for whoever reads that it did not work. */
export interface ListenAt {
  readonly host: string
  readonly port: number
  readonly setting: string
}

/** Begins to listen; resolves with the URL. @throws Error with one sentence when it cannot */
export function listen(server: Server, { host, port, setting }: ListenAt): Promise<string> {
  return new Promise((resolve, reject) => {
    const failed = (error: Error) => {
      const taken = 'code' in error && error.code === 'EADDRINUSE'
      reject(
        new Error(
          taken ? `${setting} ${port} is in use on ${host}.` : `Cannot listen on ${host}:${port}: ${error.message}`,
        ),
      )
    }
    server.once('error', failed)
    server.listen(port, host, () => {
      server.off('error', failed)
      // Without a listener, an error would end the process.
      server.on('error', () => {})
      const name = host.includes(':') ? `[${host}]` : host
      resolve(`http://${name}:${(server.address() as AddressInfo).port}`)
    })
  })
}
