import type { Role } from '../acl.ts'
import type { ErrorCode } from '../errors.ts'
import type { ClientEventType } from '../protocol.ts'

/**
 * The contract's answer to who may send what, written down a second time and apart from the engine: nothing here is
 * derived from the tables that the engine reads. Tests compare the engine with it cell by cell, the documents print it.
 */

/** What becomes of an event: it is done, or refused with a code. */
export type Outcome = 'ok' | ErrorCode

/** How the peer that sends an event stands to the room that the event is about. */
export const standings = ['joined', 'not joined', 'removed', 'never a member', 'no such room'] as const
export type Standing = (typeof standings)[number]

/** A sender, with the role that it has or had before it was removed; without a room and as a stranger it has none. */
export interface Sender {
  readonly standing: Standing
  readonly role?: Role
}

const everybody: readonly Role[] = ['owner', 'member', 'guest']

/** Every kind of sender there is. */
export const senders: readonly Sender[] = standings.flatMap((standing): Sender[] =>
  standing === 'never a member' || standing === 'no such room'
    ? [{ standing }]
    : everybody.map((role) => ({ standing, role })),
)

/** Where the peer at the other end is. */
export const ends = ['in the room', 'reconnecting', 'gone'] as const
export type End = (typeof ends)[number]

/** Every state of a capability token, with what the contract says of it where that does not depend on the event. */
export const tokens = {
  valid: 'ok',
  'valid, for the device instead of the peer': 'ok',
  'valid, for any target': 'ok',
  'valid, with more capabilities than needed': 'ok',
  none: 'CAP_REQUIRED',
  'without the needed capability': 'CAP_REQUIRED',
  expired: 'CAP_EXPIRED',
  'expired and without the needed capability': 'CAP_EXPIRED',
  'forged signature': 'CAP_INVALID',
  'forged and expired': 'CAP_INVALID',
  'signed with a key that was revoked': 'CAP_INVALID',
  'not a token at all': 'CAP_INVALID',
  'an access token by its type': 'CAP_INVALID',
  'a P2P session token by its type': 'CAP_INVALID',
  'of another issuer': 'CAP_INVALID',
  'for another room': 'CAP_INVALID',
  'for another room, and expired': 'CAP_INVALID',
  'for another target': 'CAP_INVALID',
  'for another target device': 'CAP_INVALID',
  'of another peer': 'CAP_INVALID',
  'of another login': 'CAP_INVALID',
  'bound to another device key': 'CAP_INVALID',
  'from before the role changed, and changed back': 'CAP_INVALID',
  'from before the policy changed': 'CAP_INVALID',
  'from before a removal, after the return': 'CAP_INVALID',
  'with a capability that the policy withholds': 'CAP_INVALID',
} as const satisfies Record<string, Outcome>
export type TokenState = keyof typeof tokens
export const tokenStates = Object.keys(tokens) as TokenState[]

/** How an event, or one way to use it, is judged. */
export interface Rule {
  /** Which way, where an event has several. */
  readonly as?: string
  /** Room, membership and role, which come first. Undefined where nobody can get there. */
  readonly who: (sender: Sender) => Outcome | undefined
  /** The capability that its token has to hold, where it takes one. */
  readonly cap?: string
  /** Whether that token has to name the target. */
  readonly targeted?: true
  /** What follows from where the other end is, where there is one; in the room it is no obstacle. */
  readonly end?: Readonly<Record<Exclude<End, 'in the room'>, Outcome>>
  /** Whether what it names goes away together with the other end, and then comes first. */
  readonly names?: true
  /** What the state of things says in the end; `ok` unless told. */
  readonly state?: Outcome
}

/** One situation, as far as the rules tell situations apart. */
export interface Cell {
  readonly sender: Sender
  readonly token: TokenState
  readonly end: End
}

/** What the contract says: the first check that fails decides, in its order of checks. Undefined where nobody gets there. */
export function outcomeOf(rule: Rule, { sender, token, end }: Cell): Outcome | undefined {
  const who = rule.who(sender)
  const target = end === 'in the room' ? 'ok' : (rule.end?.[end] ?? 'ok')
  const isVague = rule.targeted === true && token === 'valid, for any target'
  const capability = rule.cap === undefined ? 'ok' : isVague ? 'CAP_INVALID' : tokens[token]
  // What is not there has no room that anybody could be a member of.
  if (who !== undefined && rule.names && target === 'NOT_FOUND') return target
  if (who !== 'ok') return who
  return [capability, target].find((outcome) => outcome !== 'ok') ?? rule.state ?? 'ok'
}

type Who = Rule['who']

const anybody: Who = () => 'ok'
const nobody: Who = () => 'NOT_FOUND'

/** Whether a sender has one of these roles. */
const allow = ({ role }: Sender, roles: readonly Role[]): Outcome =>
  role !== undefined && roles.includes(role) ? 'ok' : 'ACCESS_DENIED'

/** Those who have joined the room with this peer. */
const inside =
  (roles = everybody): Who =>
  (sender) => {
    if (sender.standing === 'no such room') return 'ROOM_NOT_FOUND'
    return sender.standing === 'joined' ? allow(sender, roles) : 'ACCESS_DENIED'
  }

/** Members, joined or not. */
const members =
  (roles = everybody): Who =>
  (sender) =>
    sender.standing === 'not joined' ? allow(sender, roles) : inside(roles)(sender)

/** Those who have joined the room of what is named; to others than members it does not exist. */
const around =
  (roles = everybody): Who =>
  (sender) =>
    sender.standing === 'joined' || sender.standing === 'not joined' ? inside(roles)(sender) : 'NOT_FOUND'

/** The ends of a session, which lasts no longer than they are in the room. */
const ownEnd: Who = ({ standing }) => (standing === 'joined' ? 'ok' : 'NOT_FOUND')

/** The host of a terminal, which a guest never is. */
const host: Who = (sender) => (sender.role === 'guest' ? undefined : ownEnd(sender))

const asked = (as: string, roles?: readonly Role[]): Rule => ({ as, who: members(roles) })
const reached = { end: { reconnecting: 'UNROUTABLE', gone: 'UNROUTABLE' } } as const
const kept = { end: { reconnecting: 'ok', gone: 'NOT_FOUND' }, names: true } as const
const hosted = { end: { reconnecting: 'UNROUTABLE', gone: 'NOT_FOUND' }, names: true } as const
const control = { cap: 'terminal:control', targeted: true } as const
const ofOthers = { as: 'of others', who: nobody, ...kept } as const

/** THE table of expectations: every event that a client may send, in every way that is judged differently. */
export const table: Readonly<Record<ClientEventType, readonly Rule[]>> = {
  'system.hello': [{ as: 'a second time', who: () => 'BAD_MESSAGE' }],
  'system.ping': [{ who: anybody }],
  'system.pong': [{ who: anybody }],
  'system.ack': [{ who: anybody }],
  'system.token.refresh': [
    { as: 'with a token of its own', who: anybody },
    { as: "with somebody else's token", who: () => 'AUTH_INVALID' },
  ],
  'room.join': [{ who: members() }],
  'room.leave': [{ who: inside() }],
  'presence.update': [{ who: inside() }],
  'chat.message.send': [{ who: inside() }],
  'capability.request': [
    asked('call'),
    asked('screen', ['owner', 'member']),
    asked('share:file', ['owner', 'member']),
    asked('share:folder', ['owner', 'member']),
    asked('terminal:view', ['owner', 'member']),
    asked('terminal:control', ['owner']),
    asked('terminal:control, of a device of its own'),
    asked('call and terminal:control', ['owner']),
  ],
  'rtc.offer': [
    { as: 'new', who: inside(), cap: 'call', ...reached },
    {
      as: 'again, in a session of its own',
      who: inside(),
      cap: 'call',
      end: { reconnecting: 'ok', gone: 'UNROUTABLE' },
    },
    { as: 'again, in a session of others', who: inside(), cap: 'call', state: 'NOT_FOUND' },
  ],
  'rtc.answer': [{ as: 'in a session of its own', who: ownEnd, ...kept }, ofOthers],
  'rtc.ice': [{ as: 'in a session of its own', who: ownEnd, ...kept }, ofOthers],
  'rtc.bye': [{ as: 'in a session of its own', who: ownEnd, ...kept }, ofOthers],
  'p2p.session.request': [{ who: inside(), cap: 'share:file', ...reached }],
  'p2p.session.accept': [{ as: 'as the peer that was asked', who: ownEnd, ...kept }, ofOthers],
  'p2p.session.reject': [{ as: 'as the peer that was asked', who: ownEnd, ...kept }, ofOthers],
  'p2p.session.renew': [{ as: 'of its own', who: ownEnd, cap: 'share:file', ...kept }, ofOthers],
  'p2p.session.closed': [{ as: 'of its own', who: ownEnd, ...kept }, ofOthers],
  'terminal.share.start': [{ who: inside(['owner', 'member']) }],
  'terminal.share.stop': [
    { as: 'of its own', who: host },
    { as: 'of others', who: around(['owner']), ...kept },
  ],
  'terminal.control.take': [
    { who: around(), ...control, ...hosted },
    { as: 'while another holds it', who: around(), ...control, ...hosted, state: 'CONFLICT' },
    { as: 'by force', who: around(['owner']), ...control, ...hosted },
    { as: 'by force, while another holds it', who: around(['owner']), ...kept },
  ],
  'terminal.control.renew': [
    { as: 'of its own', who: around(), ...control, ...kept },
    { as: 'of others', who: around(), ...control, ...kept, state: 'CONFLICT' },
  ],
  'terminal.control.release': [
    { as: 'of its own', who: around(), ...kept },
    { as: 'of others', who: around(), ...kept, state: 'CONFLICT' },
  ],
}

/** Every event and every way to use it, as a list. */
export const rules: readonly { type: ClientEventType; name: string; rule: Rule }[] = (
  Object.keys(table) as ClientEventType[]
).flatMap((type) => table[type].map((rule) => ({ type, name: rule.as ? `${type}, ${rule.as}` : type, rule })))

// Where the other end is comes after the token: one token for each answer shows that, the others would show it again.
const oneForEachAnswer: readonly TokenState[] = ['valid', 'none', 'expired', 'forged signature']

/** Every cell of a rule that somebody can get to, with what is to become of it. */
export function cellsOf(rule: Rule): readonly (Cell & { expected: Outcome })[] {
  const cells = (rule.end ? ends : (['in the room'] as const)).flatMap((end) =>
    (rule.cap === undefined ? (['none'] as const) : end === 'in the room' ? tokenStates : oneForEachAnswer).flatMap(
      (token) => senders.map((sender) => ({ sender, token, end })),
    ),
  )
  return cells.flatMap((cell) => {
    const expected = outcomeOf(rule, cell)
    return expected === undefined ? [] : [{ ...cell, expected }]
  })
}
