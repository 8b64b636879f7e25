import type { Case } from '../case.ts'
import { capabilities } from './capabilities.ts'
import { chat } from './chat.ts'
import { devices } from './devices.ts'
import { discovery } from './discovery.ts'
import { envelopeCases } from './envelope.ts'
import { errors } from './errors.ts'
import { helloCases } from './hello.ts'
import { iceServers } from './ice-servers.ts'
import { p2pRefused } from './p2p-refused.ts'
import { p2p } from './p2p.ts'
import { terminalControl } from './terminal-control.ts'
import { terminal } from './terminal.ts'
import { limits } from './limits.ts'
import { invites } from './invites.ts'
import { presence } from './presence.ts'
import { rest } from './rest.ts'
import { resumeAccess } from './resume-access.ts'
import { resume } from './resume.ts'
import { revocation } from './revocation.ts'
import { ringingCases } from './ringing.ts'
import { rooms } from './rooms.ts'
import { rtcContents } from './rtc-contents.ts'
import { rtc } from './rtc.ts'
import { transport } from './transport.ts'

/** Every case, area by area. */
export const allCases: readonly Case[] = [
  ...transport,
  ...helloCases,
  ...envelopeCases,
  ...errors,
  ...rooms,
  ...presence,
  ...chat,
  ...capabilities,
  ...iceServers,
  ...rtc,
  ...rtcContents,
  ...ringingCases,
  ...devices,
  ...p2p,
  ...p2pRefused,
  ...terminal,
  ...terminalControl,
  ...resume,
  ...resumeAccess,
  ...revocation,
  ...limits,
  ...rest,
  ...invites,
  ...discovery,
]
