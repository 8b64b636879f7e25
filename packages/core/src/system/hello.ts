import * as v from 'valibot'
import { decode } from '../frame.ts'
import { isId } from '../ids.ts'
import type { ClientPayload } from '../protocol.ts'
import { systemClientEvents } from './events.ts'

/** A sound hello. */
export interface Hello {
  id: string
  payload: ClientPayload<'system.hello'>
}

/** Reads the first frame of a connection; undefined when it is not a sound hello, whatever is wrong with it. */
export function parseHello(text: string, depth: number): Hello | undefined {
  try {
    const frame = decode(text, depth)
    if (frame.type !== 'system.hello' || frame.to !== 'server') return undefined
    const parsed = v.safeParse(systemClientEvents['system.hello'].payload, frame.payload, { abortEarly: true })
    if (!parsed.success) return undefined
    // Only who comes back has been somebody before; who it is now the welcome says.
    const isNobody = frame.from !== undefined && !(parsed.output.resume && isId('peer', frame.from))
    return isNobody ? undefined : { id: frame.id, payload: parsed.output }
  } catch {
    return undefined
  }
}
