import type { MeshState } from '@mesh/client-sdk'
import type { CallEndReason, Path } from '@mesh/client-sdk/webrtc'

/** The connection to the server, in words. */
export const serverWords: Record<MeshState, string> = {
  connecting: 'connecting…',
  online: 'connected',
  reconnecting: 'reconnecting…',
  closed: 'disconnected',
}

/** How the media goes, in words. */
export const pathWords: Record<Path, string> = {
  direct: 'direct',
  relayed: 'relayed',
}

/** What that means. */
export const pathTitles: Record<Path, string> = {
  direct: 'Sound and picture go straight from browser to browser.',
  relayed: 'Sound and picture go through a relay, encrypted from browser to browser.',
}

/** Why a call is over, in words. */
export function endWords(reason: CallEndReason, who: string): string {
  switch (reason) {
    case 'hangup':
    case 'completed':
      return `The call with ${who} is over`
    case 'declined':
      return `${who} declined`
    case 'busy':
      return `${who} is in another call`
    case 'timeout':
      return `No answer from ${who}`
    case 'answered_elsewhere':
      return 'Answered in another tab'
    case 'unroutable':
      return `${who} is not here`
    case 'gone':
      return `${who} is gone`
    case 'left':
    case 'revoked':
      return 'You are not in the room any more'
    case 'disconnected':
      return 'The connection to the server was lost, and the call with it'
    case 'failed':
      return `The call with ${who} failed`
  }
}
