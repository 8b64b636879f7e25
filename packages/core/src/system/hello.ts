import * as v from 'valibot'
import { decode } from '../frame.ts'
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
    if (frame.type !== 'system.hello' || frame.to !== 'server' || frame.from !== undefined) return undefined
    const parsed = v.safeParse(systemClientEvents['system.hello'].payload, frame.payload, { abortEarly: true })
    return parsed.success ? { id: frame.id, payload: parsed.output } : undefined
  } catch {
    return undefined
  }
}
