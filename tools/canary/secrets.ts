import { randomBytes } from 'node:crypto'

/**
 * THE table of what is secret, with the places where it may stand all the same. A place ends with `*` where anything
 * may follow. Nothing else may stand anywhere: in no log line, error, close reason, table, file or output.
 */
export const kinds = {
  password: [],
  'access token': ['answer login', 'answer refresh', 'answer loginDevice', 'answer mintToken'],
  'refresh token': ['answer login', 'answer refresh'],
  'capability token': ['event capability.granted', 'answer grantCapabilities', 'cli token capability'],
  'session token': ['event p2p.session.created', 'event p2p.session.renewed'],
  'resume token': ['event system.welcome', 'bystander system.welcome', 'outsider system.welcome'],
  'device key': [],
  assertion: [],
  'enrolment code': ['answer createEnrolment'],
  'invite code': ['answer createInvite', 'cli member invite'],
  'setup code': ['stderr'],
  'session description': ['event rtc.offer', 'event rtc.answer'],
  candidate: ['event rtc.ice', 'event p2p.session.request', 'event p2p.session.created'],
  'chat text': [
    'event chat.message.created',
    'bystander chat.message.created',
    'answer listMessages',
    'answer listEvents',
    'table mesh_event',
    'file mesh.db*',
  ],
  'presence note': ['event presence.update', 'event room.joined', 'bystander presence.update', 'bystander room.joined'],
  'TURN secret': [],
  'TURN credential': ['event capability.granted', 'answer renewIceServers', 'answer grantCapabilities'],
  setting: [],
  'query string': [],
  cookie: [],
  header: [],
  // What a client says where nothing of the kind belongs: unknown fields, frames and bodies that are not JSON, other types.
  stray: [],
  // What a host application calls its users stays with the account that it stands for; what it calls their sessions is never kept.
  'host user': ['table mesh_user', 'file mesh.db*'],
  'host session': [],
  // People read these, so they are where people look; but not in logs, errors and the audit log.
  name: [
    'answer *',
    'event *',
    'bystander *',
    'cli *',
    'table mesh_user',
    'table mesh_room',
    'table mesh_event',
    'table mesh_device',
    'table mesh_terminal',
    'file mesh.db*',
  ],
  // What the server keeps for itself.
  'signing key': ['file keys.json'],
  'login key': ['table mesh_login', 'file mesh.db*'],
  'password hash': ['table mesh_user', 'file mesh.db*'],
} as const satisfies Record<string, readonly string[]>

/** A kind of secret. */
export type Kind = keyof typeof kinds

/** A secret that was found where it does not belong. */
export interface Hit {
  readonly kind: Kind | 'part of a canary'
  readonly place: string
  /** What stands before it there. */
  readonly before: string
}

/** Everything secret of a run: canaries that clients sing, and what the server itself makes and hands out. */
export interface Secrets {
  /** A new canary: 18 small letters and digits, the like of which is nowhere else. */
  make(kind: Kind): string
  /** Remembers a secret that is not a canary; returns it. */
  keep(kind: Kind, text: string): string
  readonly count: number
  /** How many there are of each kind. */
  tally(): ReadonlyMap<Kind, number>
  /** Where in a text is one that does not belong in this place. */
  search(place: string, text: string): Hit[]
}

/** @see Secrets */
export function createSecrets(): Secrets {
  // What all canaries of a run begin with; the kind is found by what follows, so that a thousand of them are one search.
  const marker = `cnry${randomBytes(4).toString('hex')}`
  const canaries = new Map<string, Kind>()
  const kept = new Map<string, Kind>()
  const tally = new Map<Kind, number>()
  const count = (kind: Kind) => tally.set(kind, (tally.get(kind) ?? 0) + 1)

  return {
    make(kind) {
      const id = canaries.size.toString(36).padStart(6, '0')
      canaries.set(id, kind)
      count(kind)
      return `${marker}${id}`
    },
    keep(kind, text) {
      // Shorter ones would be found by chance.
      if (text.length >= 12 && !text.includes(marker) && !kept.has(text)) {
        kept.set(text, kind)
        count(kind)
      }
      return text
    },
    get count() {
      return canaries.size + kept.size
    },
    tally: () => tally,

    search(place, text) {
      const hits: Hit[] = []
      const found = (kind: Hit['kind'], at: number) => {
        if (kind === 'part of a canary' || !belongs(kind, place)) {
          hits.push({ kind, place, before: text.slice(Math.max(0, at - 60), at) })
        }
      }
      const lower = text.toLowerCase()
      for (let at = lower.indexOf(marker); at >= 0; at = lower.indexOf(marker, at + 1)) {
        const id = lower.slice(at + marker.length, at + marker.length + 6)
        // The pages of a database have torn remains of names and messages, which are good there.
        if (canaries.has(id) || !place.startsWith('file mesh.db')) found(canaries.get(id) ?? 'part of a canary', at)
      }
      for (const disguise of disguisesOf(marker)) {
        const at = lower.indexOf(disguise)
        if (at >= 0) found('part of a canary', at)
      }
      for (const [secret, kind] of kept) {
        const at = [partOf(secret), ...disguisesOf(partOf(secret))].map((part) => lower.indexOf(part.toLowerCase()))
        const first = at.find((place) => place >= 0)
        if (first !== undefined) found(kind, first)
      }
      return hits
    },
  }
}

function belongs(kind: Kind, place: string): boolean {
  const places: readonly string[] = kinds[kind]
  return places.some((known) => (known.endsWith('*') ? place.startsWith(known.slice(0, -1)) : known === place))
}

/** What is looked for of a secret: its last 32 characters, which of a token are in the signature. */
const partOf = (secret: string) => secret.slice(-32)

/** How a text looks in base64, wherever in it it begins, and in hexadecimal digits; in small letters. */
function disguisesOf(text: string): string[] {
  const inner = [0, 1, 2].map((shift) => {
    const encoded = Buffer.from('\0'.repeat(shift) + text).toString('base64')
    // The first and last characters also stand for bits of the neighbours.
    return encoded.slice(shift === 0 ? 0 : 4, Math.floor(((shift + text.length) * 8) / 6)).toLowerCase()
  })
  return [...inner, Buffer.from(text).toString('hex')]
}
