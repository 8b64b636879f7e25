import { isRecord } from './records.ts'
import type { Kind, Secrets } from './secrets.ts'

/** What the server makes and hands out, by the name of the field. */
const handedOut: Readonly<Record<string, Kind>> = {
  access_token: 'access token',
  refresh_token: 'refresh token',
  session_token: 'session token',
  credential: 'TURN credential',
}

/** The same where the name alone does not say it: by what answered, or by the field around it. */
const handedOutIn: Readonly<Record<string, Readonly<Record<string, Kind>>>> = {
  createEnrolment: { code: 'enrolment code' },
  createInvite: { code: 'invite code' },
  grantCapabilities: { token: 'capability token' },
  'capability.granted': { token: 'capability token' },
  resume: { token: 'resume token' },
}

/** Remembers every secret in an answer of the server's; `source` is what answered. */
export function harvest(value: unknown, source: string, secrets: Secrets): void {
  if (Array.isArray(value)) for (const entry of value) harvest(entry, source, secrets)
  if (!isRecord(value)) return
  for (const [key, inner] of Object.entries(value)) {
    const kind = handedOut[key] ?? handedOutIn[source]?.[key]
    if (kind && typeof inner === 'string') {
      secrets.keep(kind, inner)
      // Codes are typed with and without their dashes.
      if (key === 'code') secrets.keep(kind, inner.replaceAll('-', ''))
    } else harvest(inner, handedOutIn[key] ? key : source, secrets)
  }
}
