import type { Entry, History } from './history.ts'
import { faults } from './plan.ts'

/** How often what happened in runs; the keys say what. */
export type Coverage = Record<string, number>

/** Counts what a history holds, so that a run can show that it tried what it claims to have tried. */
export function coverageOf({ entries }: History): Coverage {
  const counts: Coverage = { steps: entries.at(-1)?.step ?? 0 }
  const claims = new Set<number>()
  const count = (key: string) => void (counts[key] = (counts[key] ?? 0) + 1)

  function countHanded({ conn, frame }: Extract<Entry, { kind: 'hand' }>): void {
    if (frame.type === 'system.welcome')
      count(claims.has(conn) ? `resumed ${String(frame.payload.resumed)}` : 'welcome')
    else count(frame.code === undefined ? frame.type : `error ${frame.code}`)
  }

  for (const entry of entries) {
    if (entry.kind === 'fault') count(`fault ${entry.fault}`)
    else if (entry.kind === 'close') count(`close ${entry.code}`)
    else if (entry.kind === 'admin') count(`admin ${entry.what.split(' ')[0]} ${entry.outcome}`)
    else if (entry.kind === 'take') {
      count('frames taken')
      if (entry.frame.type === 'system.hello' && entry.frame.payload.resume) claims.add(entry.conn)
    } else if (entry.kind === 'hand') countHanded(entry)
  }
  return counts
}

const needed = [
  ...faults.map((fault) => `fault ${fault}`),
  ...[
    'resumed true',
    'resumed false',
    'close 1012',
    'close 4001',
    'close 4002',
    'close 4004',
    'close 4006',
    'close 4101',
  ],
  ...['CAP_REQUIRED', 'CAP_INVALID', 'CAP_EXPIRED', 'UNROUTABLE', 'ACCESS_DENIED', 'ROOM_NOT_FOUND'].map(error),
  ...['CONFLICT', 'NOT_FOUND', 'UNAVAILABLE', 'AUTH_INVALID', 'AUTH_EXPIRED', 'P2P_SESSION_DENIED'].map(error),
  ...['chat.message.created', 'room.joined', 'room.left', 'room.updated', 'room.member.added'],
  ...['room.member.removed', 'room.member.updated', 'presence.update', 'call.missed', 'capability.granted'],
  ...['terminal.share.started', 'terminal.share.stopped', 'terminal.control.granted', 'terminal.control.released'],
  ...['p2p.session.request', 'p2p.session.created', 'p2p.session.renewed', 'p2p.session.closed'],
  ...['rtc.offer', 'rtc.answer', 'rtc.ice', 'rtc.bye', 'system.ping', 'system.token.refreshed', 'system.draining'],
  ...['admin setMember done', 'admin removeMember done', 'admin update done', 'admin delete done'],
]

/** What many runs together must have come across; what is missing here was not simulated, whatever else they say. */
export function lackingIn(coverage: Coverage): string[] {
  return needed.filter((key) => !coverage[key])
}

function error(code: string): string {
  return `error ${code}`
}
