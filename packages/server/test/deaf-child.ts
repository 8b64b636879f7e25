// A listener with the shortest queue there is, for the tests of what is sent to services: it says its port, and is then stopped.
import { createServer, type AddressInfo } from 'node:net'

const server = createServer()
server.listen({ host: '127.0.0.1', port: 0, backlog: 1 }, () => {
  process.send?.((server.address() as AddressInfo).port)
})
