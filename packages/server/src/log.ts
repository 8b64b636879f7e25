import { escaped, logFields, networkOf, type LogFields, type Logger } from '@mesh/core'
import { pino, type DestinationStream } from 'pino'

/** The longest text in a log line, in characters. */
const longest = 512

/**
 * The log of the standalone server: JSON lines of pino. The allow-list of fields holds at run time as well, texts are cut and
 * what could act on a terminal is escaped, and addresses are shortened to the /24 or /48 that they belong to.
 */
export function createLog(level: string, destination?: DestinationStream): Logger {
  const log = pino({ level, base: null, timestamp: pino.stdTimeFunctions.isoTime }, destination)
  const write = (level: keyof Logger) => (fields: LogFields, message: string) =>
    log[level](allowed(fields), oneLine(message))
  return { debug: write('debug'), info: write('info'), warn: write('warn'), error: write('error') }
}

function allowed(fields: LogFields): Record<string, string | number> {
  const fit: Record<string, string | number> = {}
  for (const [name, value] of Object.entries(fields)) {
    if (!Object.hasOwn(logFields, name)) continue
    if (typeof value === 'number') fit[name] = value
    // Whatever is neither is no field of ours, however it got here.
    else if (typeof value === 'string') fit[name] = oneLine(name === 'address' ? coarse(value) : value)
  }
  return fit
}

function oneLine(text: string): string {
  return escaped(text.slice(0, longest).replaceAll('\n', ' '))
}

/** The neighbourhood of an address, which many share. */
function coarse(address: string): string {
  const network = networkOf(address)
  if (/^\d+(\.\d+){3}$/.test(network)) return network.replace(/\d+$/, '0/24')
  const groups = network.split(':')
  return network.endsWith('::/64') ? `${groups.slice(0, 3).join(':')}::/48` : ''
}
