import type { Browser, Page } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { startDemo } from '../demo.ts'
import type { Demo } from '../demo.ts'
import { executablePath, hasBrowser, launch, watchSignals } from './browser.ts'
import type { Signals } from './browser.ts'
import { watchTraffic } from './traffic.ts'
import type { Traffic } from './traffic.ts'

if (!hasBrowser) console.warn(`SKIPPED: the demo's end-to-end tests need a browser at ${executablePath}`)

/** One journey: each step goes on where the one before stopped. */
describe.skipIf(!hasBrowser)('two tabs', () => {
  let demo: Demo
  let browser: Browser
  let traffic: Traffic
  let alice: Page
  let bob: Page
  const signals: Signals[] = []
  const complaints: string[] = []

  beforeAll(async () => {
    demo = await startDemo({ port: 0 })
    traffic = watchTraffic(demo.server)
    browser = await launch()
    alice = await newPage()
    bob = await newPage()
  })

  afterAll(async () => {
    await browser?.close()
    await demo?.close()
  })

  it('are opened by the two links of the start page', async () => {
    await alice.goto(demo.url)
    const hrefs = await alice
      .getByRole('link')
      .evaluateAll((all) => all.map((link) => (link as HTMLAnchorElement).href))
    expect(hrefs).toEqual([demo.links.alice, demo.links.bob])
    await Promise.all([alice.goto(demo.links.alice), bob.goto(demo.links.bob)])
    for (const page of [alice, bob]) await page.locator('#server-state[data-state=online]').waitFor()
  })

  it('see each other, and whether the other is away', async () => {
    await person(alice, 'bob', 'online').waitFor()
    await person(bob, 'alice', 'online').waitFor()
    await bob.getByLabel('Your status').selectOption('away')
    await person(alice, 'bob', 'away').waitFor()
    await person(bob, 'bob', 'away').waitFor()
    await bob.getByLabel('Your status').selectOption('online')
    await person(alice, 'bob', 'online').waitFor()
  })

  it('chat, both ways', async () => {
    await write(alice, 'Hello <b>bob</b>')
    await message(bob, 'alice', 'Hello <b>bob</b>').waitFor()
    await write(bob, 'Hello alice')
    await message(alice, 'bob', 'Hello alice').waitFor()
    await message(bob, 'you', 'Hello alice').waitFor()
    await bob.reload()
    // What was said before is still there.
    await message(bob, 'alice', 'Hello <b>bob</b>').waitFor()
    await person(alice, 'bob', 'online').waitFor()
  })

  it('decline a call', async () => {
    await callBob()
    await bob.getByRole('button', { name: 'Decline' }).click()
    await callState(alice, 'none').getByText('bob declined').waitFor()
    await callState(bob, 'none').waitFor()
  })

  it('call each other at the same moment, and have one call', async () => {
    await Promise.all([
      alice.getByRole('button', { name: 'Call bob' }).click(),
      bob.getByRole('button', { name: 'Call alice' }).click(),
    ])
    for (const page of [alice, bob]) await callState(page, 'connected').waitFor()
    await bob.getByRole('button', { name: 'Hang up' }).click()
    for (const page of [alice, bob]) await callState(page, 'none').waitFor()
  })

  it('call each other: frames go straight from tab to tab, and the server carries none of them', async () => {
    await callBob()
    await bob.getByRole('button', { name: 'Accept' }).click()
    for (const page of [alice, bob]) {
      await callState(page, 'connected').waitFor()
      await page.locator('#call-path[data-path=direct]').waitFor()
      await expect.poll(() => frames(page), { timeout: 10_000 }).toBeGreaterThan(0)
    }
    const bytes = traffic.bytes()
    let before = [await frames(alice), await frames(bob)]
    for (let second = 0; second < 5; second++) {
      await new Promise((resolve) => setTimeout(resolve, 1_100))
      const now = [await frames(alice), await frames(bob)]
      expect(now[0]).toBeGreaterThan(before[0] ?? 0)
      expect(now[1]).toBeGreaterThan(before[1] ?? 0)
      before = now
    }
    // A ping and its answer may fall into these seconds; one second of video alone would be ten times as much.
    expect(traffic.bytes() - bytes).toBeLessThan(2_000)
  })

  it('turn both cameras off and on again at the same moment', { timeout: 60_000 }, async () => {
    const glares = (): number => signals.reduce((sum, signal) => sum + signal.glares(), 0)
    for (let round = 0; round < 4; round++) {
      await bothCameras('Turn camera off')
      for (const page of [alice, bob]) await page.locator('#remote[data-picture=off]').waitFor()
      await bothCameras('Turn camera on')
      for (const page of [alice, bob]) {
        await page.locator('#remote[data-picture=on]').waitFor()
        await moreFrames(page)
      }
      if (glares() > 0) break
      // The server takes ten descriptions at once from each user, and then one a second.
      await new Promise((resolve) => setTimeout(resolve, 6_000))
    }
    expect(glares()).toBeGreaterThan(0)
    for (const page of [alice, bob]) await callState(page, 'connected').waitFor()
  })

  it('go on when both lose the server: nobody leaves, and what is done meanwhile is caught up with', async () => {
    const seen = await Promise.all([watch(alice, 'bob'), watch(bob, 'alice')])
    traffic.cut()
    await alice.getByRole('button', { name: 'Turn camera off' }).click()
    await bob.locator('#remote[data-picture=off]').waitFor()
    await alice.getByRole('button', { name: 'Turn camera on' }).click()
    await bob.locator('#remote[data-picture=on]').waitFor()
    for (const page of [alice, bob]) {
      await page.locator('#server-state[data-state=online]').waitFor()
      await moreFrames(page)
    }
    for (const statuses of seen) {
      const heard = await statuses()
      expect(heard).toContain('server reconnecting')
      expect(heard.filter((word) => !/^(server|person) (online|reconnecting)$|^call connected$/.test(word))).toEqual([])
    }
    // The browser says that a connection was lost, as it should.
    complaints.splice(0, complaints.length, ...complaints.filter((line) => !line.includes('WebSocket')))
  })

  it('mute the microphone', async () => {
    await alice.getByRole('button', { name: 'Mute', exact: true }).click()
    await alice.getByRole('button', { name: 'Unmute', exact: true }).click()
    await alice.getByRole('button', { name: 'Mute', exact: true }).waitFor()
  })

  it('share a screen beside the call, and stop', async () => {
    await alice.getByRole('button', { name: 'Share screen' }).click()
    const screen = bob.locator('#screen')
    await screen.waitFor()
    const position = (): Promise<number> =>
      screen.locator('video').evaluate((video: HTMLVideoElement) => video.currentTime)
    await expect.poll(position, { timeout: 10_000 }).toBeGreaterThan(0.5)
    await moreFrames(bob)
    await alice.getByRole('button', { name: 'Stop sharing' }).click()
    await screen.waitFor({ state: 'hidden' })
    await callState(bob, 'connected').waitFor()
    await moreFrames(bob)
  })

  it('hang up, and let go of the camera', async () => {
    await alice.getByRole('button', { name: 'Hang up' }).click()
    for (const page of [alice, bob]) {
      await callState(page, 'none').waitFor()
      await page.locator('#videos').waitFor({ state: 'hidden' })
    }
    const left = await alice.locator('#local video').evaluate((video: HTMLVideoElement) => video.srcObject)
    expect(left).toBeNull()
  })

  it('call from the other side with the keyboard alone', async () => {
    await bob.getByRole('button', { name: 'Call alice' }).focus()
    await bob.keyboard.press('Enter')
    await callState(alice, 'incoming').waitFor()
    await expect.poll(() => alice.evaluate(() => document.activeElement?.id)).toBe('accept')
    await alice.keyboard.press('Enter')
    for (const page of [alice, bob]) await callState(page, 'connected').waitFor()
    expect(complaints).toEqual([])
  })

  it('notice at once when a tab crashes', async () => {
    const session = await bob.context().newCDPSession(bob)
    // Its process dies, so nothing of the page runs any more, but the browser closes its socket as for a page that is left.
    // The answer to the command dies with it.
    session.send('Page.crash').catch(() => undefined)
    await callState(alice, 'none').getByText('The call with bob is over').waitFor()
    await person(alice, 'bob', 'offline').waitFor()
    expect(await alice.getByRole('button', { name: 'Call bob' }).isDisabled()).toBe(true)
  })

  it('says so when a link is from another run', async () => {
    const page = await newPage()
    await page.goto(`${demo.url}room#alice:wrong:${demo.links.alice.split(':').at(-1)}`)
    await page.getByText('This link is from an earlier run of the demo').waitFor()
  })

  it('calls without camera and microphone, and says so', async () => {
    const page = await newPage(false)
    await page.goto(demo.links.bob)
    await person(page, 'alice', 'online').waitFor()
    await page.getByRole('button', { name: 'Call alice' }).click()
    await alice.getByRole('button', { name: 'Accept' }).click()
    await callState(page, 'connected').waitFor()
    await page.getByText('you see and hear, but are not seen or heard').waitFor()
    await moreFrames(page)
  })

  it('is shown to nobody who comes by another name', async () => {
    const { port } = new URL(demo.url)
    const { request } = await import('node:http')
    const status = await new Promise((resolve, reject) => {
      const headers = { host: `evil.example:${port}` }
      request(demo.url, { headers }, (response) => resolve(response.resume().statusCode))
        .on('error', reject)
        .end()
    })
    expect(status).toBe(421)
  })

  /** A page in a context of its own, as another user's browser would be. */
  async function newPage(devices = true): Promise<Page> {
    const context = await browser.newContext()
    const page = await context.newPage()
    page.setDefaultTimeout(10_000)
    page.on('pageerror', (error) => complaints.push(String(error)))
    page.on('console', (line) => line.type() === 'error' && complaints.push(line.text()))
    signals.push(watchSignals(page))
    // The fake devices say yes to everything: this is what a browser answers when the user says no.
    const refuse = (): void => {
      navigator.mediaDevices.getUserMedia = () =>
        Promise.reject(new DOMException('Permission denied', 'NotAllowedError'))
    }
    if (!devices) await page.addInitScript(refuse)
    return page
  }

  async function callBob(): Promise<void> {
    await alice.getByRole('button', { name: 'Call bob' }).click()
    await callState(bob, 'incoming').waitFor()
  }

  /** Both at the same instant, by the clock that the tabs share: their offers cross on the way. */
  function bothCameras(label: string): Promise<unknown> {
    const at = Date.now() + 100
    const click = (button: HTMLElement | SVGElement, instant: number): void => {
      setTimeout(() => (button as HTMLElement).click(), instant - Date.now())
    }
    return Promise.all([alice, bob].map((page) => page.getByRole('button', { name: label }).evaluate(click, at)))
  }

  /** Takes down what a page shows of the server, the call and the other one from now on. */
  async function watch(page: Page, name: string): Promise<() => Promise<string[]>> {
    const heard = await page.evaluateHandle((name) => {
      const words: string[] = []
      new MutationObserver((changes) => {
        for (const { target } of changes) {
          if (!(target instanceof HTMLElement)) continue
          const { id, dataset, textContent } = target
          if (id === 'server-state') words.push(`server ${dataset['state']}`)
          else if (id === 'call-state') words.push(`call ${dataset['state']}`)
          else if (textContent.includes(name) && dataset['status']) words.push(`person ${dataset['status']}`)
        }
      }).observe(document.body, { subtree: true, attributeFilter: ['data-state', 'data-status'] })
      return words
    }, name)
    return () => heard.jsonValue()
  }

  async function moreFrames(page: Page): Promise<void> {
    const before = await frames(page)
    await expect.poll(() => frames(page), { timeout: 10_000 }).toBeGreaterThan(before)
  }
})

function person(page: Page, name: string, status: string) {
  return page.locator(`#people-list li[data-status=${status}]`, { hasText: name })
}

function callState(page: Page, state: string) {
  return page.locator(`#call-state[data-state=${state}]`)
}

function message(page: Page, author: string, text: string) {
  return page.locator('#messages li', { hasText: author }).filter({ hasText: text })
}

async function write(page: Page, text: string): Promise<void> {
  await page.getByLabel('Message', { exact: true }).fill(text)
  await page.keyboard.press('Enter')
}

/** Frames of incoming video that the call has decoded, by the browser's own count; the page asks it every second. */
async function frames(page: Page): Promise<number> {
  return Number((await page.locator('#figures').getAttribute('data-frames-decoded')) ?? 0)
}
