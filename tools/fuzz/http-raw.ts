import { connect } from 'node:net'

/** An answer as it came. */
export interface RawAnswer {
  status: number
  headers: Map<string, string>
  body: string
}

const patienceMs = 15_000

/**
 * Writes bytes to the server and reads one answer. A request that is cut will not be finished: it ends with what is there. Undefined where the server hung up without one.
 * @throws Error when it neither answers nor hangs up, or what it says is no HTTP
 */
export function exchange(url: string, request: Buffer, isCut = false): Promise<RawAnswer | undefined> {
  const { hostname, port } = new URL(url)
  return new Promise((resolve, reject) => {
    const socket = connect(Number(port), hostname, () => (isCut ? socket.end(request) : socket.write(request)))
    const chunks: Buffer[] = []
    const late = setTimeout(() => {
      reject(new Error(`no answer in ${patienceMs} ms`))
      socket.destroy()
    }, patienceMs)
    // A reset can come behind the answer, when the server did not care for the rest of the request.
    socket.on('error', () => {})
    socket.on('data', (chunk) => chunks.push(chunk))
    socket.on('end', () => socket.end())
    socket.on('close', () => {
      clearTimeout(late)
      try {
        resolve(parse(Buffer.concat(chunks)))
      } catch (error) {
        reject(error as Error)
      }
    })
  })
}

function parse(bytes: Buffer): RawAnswer | undefined {
  if (bytes.length === 0) return undefined
  const end = bytes.indexOf('\r\n\r\n')
  if (end === -1) throw new Error(`half an answer: ${bytes.toString().slice(0, 200)}`)
  const [first = '', ...lines] = bytes.subarray(0, end).toString().split('\r\n')
  const status = Number(/^HTTP\/1\.1 (\d{3}) /.exec(first)?.[1])
  if (!status) throw new Error(`no status: ${first.slice(0, 200)}`)
  const rest = bytes.subarray(end + 4)
  // What says "go on with the body" is not the answer yet.
  if (status === 100) return parse(rest)
  const headers = new Map(
    lines.map((line) => [line.split(':', 1)[0]?.toLowerCase() ?? '', line.replace(/^[^:]*: ?/, '')]),
  )
  const body = headers.get('transfer-encoding') === 'chunked' ? unchunked(rest) : rest
  return { status, headers, body: body.toString() }
}

function unchunked(bytes: Buffer): Buffer {
  const parts: Buffer[] = []
  for (let rest = bytes; ;) {
    const line = rest.indexOf('\r\n')
    const size = Number.parseInt(rest.subarray(0, line).toString(), 16)
    if (line === -1 || Number.isNaN(size)) throw new Error('an answer in broken chunks')
    if (size === 0) return Buffer.concat(parts)
    parts.push(rest.subarray(line + 2, line + 2 + size))
    rest = rest.subarray(line + 4 + size)
  }
}
