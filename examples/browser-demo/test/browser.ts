import { existsSync } from 'node:fs'
import { chromium } from 'playwright-core'
import type { Browser, Page } from 'playwright-core'

/** The browser under test. */
export const executablePath = process.env['CHROMIUM'] ?? '/usr/bin/chromium'

/** Whether it is there. In CI it has to be, so there a missing one lets the tests fail and not be skipped. */
export const hasBrowser = existsSync(executablePath) || process.env['CI'] !== undefined

/** Starts it with a camera, a microphone and a screen that are not real, and without questions to the user. */
export function launch(): Promise<Browser> {
  return chromium.launch({
    executablePath,
    args: [
      '--no-sandbox',
      '--disable-gpu',
      '--disable-quic',
      '--no-first-run',
      '--disable-background-networking',
      '--disable-component-update',
      '--disable-sync',
      '--use-fake-device-for-media-stream',
      '--use-fake-ui-for-media-stream',
    ],
  })
}

/** The types of the signals that went through a page's socket, in order. */
export interface Signals {
  readonly log: readonly { way: 'sent' | 'received'; type: string; rtc_id: string }[]
  /** How often an offer came in while one of ours for the same session was still unanswered. */
  glares(): number
}

/** Listens to the signals of a page that is about to be opened. */
export function watchSignals(page: Page): Signals {
  const log: { way: 'sent' | 'received'; type: string; rtc_id: string }[] = []
  const note = (way: 'sent' | 'received', data: string | Buffer): void => {
    // The contract's envelope.
    const { type, payload } = JSON.parse(String(data)) as { type: string; payload: { rtc_id?: string } }
    if (type.startsWith('rtc.')) log.push({ way, type, rtc_id: payload.rtc_id ?? '' })
  }
  page.on('websocket', (socket) => {
    socket.on('framesent', ({ payload }) => note('sent', payload))
    socket.on('framereceived', ({ payload }) => note('received', payload))
  })
  return {
    log,
    glares() {
      const open = new Set<string>()
      let count = 0
      for (const { way, type, rtc_id } of log) {
        if (type === 'rtc.offer' && way === 'sent') open.add(rtc_id)
        else if (type === 'rtc.offer' && open.has(rtc_id)) count++
        else if (type === 'rtc.answer') open.delete(rtc_id)
      }
      return count
    },
  }
}
