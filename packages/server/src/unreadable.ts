import type { IncomingMessage, Server, ServerResponse } from 'node:http'
import type { Duplex } from 'node:stream'
import { MeshError } from '@mesh/core/errors'
import { ignoreErrors, refuseUpgrade } from './upgrade.ts'

/**
 * Answers what Node cannot read as HTTP, or did not get whole in time, with an error as everything else is answered; Node's
 * own answers are empty. An expectation that nobody knows is passed over, as RFC 9110 section 10.1.1 allows.
 */
export function answerUnreadable(server: Server): void {
  const answering = new WeakSet<Duplex>()
  const watch = (request: IncomingMessage, response: ServerResponse) => {
    answering.add(request.socket)
    response.once('close', () => answering.delete(request.socket))
  }
  server.prependListener('request', watch)
  server.on('checkExpectation', (request, response) => server.emit('request', request, response))
  server.on('clientError', (error: Error & { code?: string }, socket) => {
    ignoreErrors(socket)
    // Behind a request that is still being answered there is no room for another answer.
    if (!socket.writable || answering.has(socket)) return void socket.destroy()
    refuseUpgrade(socket, faultOf(error.code))
  })
}

function faultOf(code: string | undefined): MeshError {
  if (code === 'HPE_HEADER_OVERFLOW') return new MeshError('MESSAGE_TOO_LARGE', 'The headers are too large')
  const isLate = code === 'ERR_HTTP_REQUEST_TIMEOUT'
  return new MeshError('BAD_MESSAGE', isLate ? 'The request did not arrive in time' : 'This is not an HTTP request')
}
