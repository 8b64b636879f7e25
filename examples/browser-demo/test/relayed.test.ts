import type { Browser, Page } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { startDemo } from '../demo.ts'
import type { Demo } from '../demo.ts'
import { executablePath, hasBrowser, launch } from './browser.ts'
import { credentialsOf, executable, hasCoturn, secret, startCoturn } from './coturn.ts'
import type { Coturn } from './coturn.ts'
import { watchTraffic } from './traffic.ts'
import type { Traffic } from './traffic.ts'

const isReady = hasBrowser && hasCoturn
if (!isReady) console.warn(`SKIPPED: relayed calls need a browser at ${executablePath} and coturn at ${executable}`)

/** What a page tells of the candidates it found, and could not find. */
interface Gathered {
  candidates: string[]
  errors: number[]
}

/** One journey, in a room where peers may only meet through a relay. */
describe.skipIf(!isReady)('two tabs and a relay', () => {
  let coturn: Coturn
  let demo: Demo
  let traffic: Traffic
  let browser: Browser
  let alice: Page
  let bob: Page

  beforeAll(async () => {
    // Both tabs get their relayed addresses here, on loopback, which the configuration denies.
    coturn = await startCoturn(['--allow-loopback-peers', '--allowed-peer-ip=127.0.0.1'])
    demo = await startDemo({ port: 0, turn: { urls: [relayUrl()], secret }, relayOnly: true })
    traffic = watchTraffic(demo.server)
    browser = await launch()
    alice = await newPage(demo.links.alice)
    bob = await newPage(demo.links.bob)
    for (const page of [alice, bob]) await page.locator('#server-state[data-state=online]').waitFor()
  })

  afterAll(async () => {
    await browser?.close()
    await demo?.close()
    await coturn?.close()
  })

  const relayUrl = () => `turn:127.0.0.1:${coturn.port}?transport=udp`

  it('call each other through it, with the credentials that came with the capability', async () => {
    await alice.getByRole('button', { name: 'Call bob' }).click()
    await bob.getByRole('button', { name: 'Accept' }).click()
    for (const page of [alice, bob]) {
      await page.locator('#call-state[data-state=connected]').waitFor()
      await page.locator('#call-path[data-path=relayed]').waitFor()
      expect(await page.locator('#call-path').textContent()).toBe('relayed')
      await moreFrames(page)
      expect(await selectedPair(page)).toEqual(['relay', 'relay'])
    }
  })

  it('send their pictures past the server, which only made the credentials', async () => {
    const bytes = traffic.bytes()
    const before = await frames(bob)
    await new Promise((resolve) => setTimeout(resolve, 3_000))
    expect(await frames(bob)).toBeGreaterThan(before)
    expect(traffic.bytes() - bytes).toBeLessThan(2_000)
  })

  it('find the path anew through it when ICE is restarted', async () => {
    const before = await ufrag(bob)
    await alice.evaluate(() => connections().at(-1)?.restartIce())
    await expect.poll(() => ufrag(bob), { timeout: 10_000 }).not.toBe(before)
    for (const page of [alice, bob]) {
      await moreFrames(page)
      expect(await selectedPair(page)).toEqual(['relay', 'relay'])
    }
  })

  it('get no relay for credentials that have expired or are wrong, and one for good ones', async () => {
    const now = Math.floor(Date.now() / 1000)
    const good = await gather(credentialsOf('ana'))
    expect(good.candidates.length).toBeGreaterThan(0)
    for (const user of [credentialsOf('ana', now - 1), credentialsOf('ana', now + 600, 'another secret')]) {
      const { candidates, errors } = await gather(user)
      expect(candidates).toEqual([])
      expect(errors).toContain(401)
    }
  })

  async function newPage(url: string): Promise<Page> {
    const page = await (await browser.newContext()).newPage()
    page.setDefaultTimeout(10_000)
    await page.addInitScript(() => {
      const all: RTCPeerConnection[] = []
      globalThis.connections = () => all
      globalThis.RTCPeerConnection = class extends RTCPeerConnection {
        constructor(configuration?: RTCConfiguration) {
          super(configuration)
          all.push(this)
        }
      }
    })
    await page.goto(url)
    return page
  }

  /** Looks for relayed candidates by itself, as a page that came by credentials some other way. */
  function gather(user: { username: string; credential: string }): Promise<Gathered> {
    return alice.evaluate(
      async (server) => {
        const pc = new RTCPeerConnection({ iceServers: [server], iceTransportPolicy: 'relay' })
        const gathered: Gathered = { candidates: [], errors: [] }
        pc.addEventListener('icecandidate', ({ candidate }) => {
          if (candidate?.candidate) gathered.candidates.push(candidate.candidate)
        })
        pc.addEventListener('icecandidateerror', ({ errorCode }) => gathered.errors.push(errorCode))
        const complete = new Promise<void>((resolve) =>
          pc.addEventListener('icegatheringstatechange', () => pc.iceGatheringState === 'complete' && resolve()),
        )
        pc.createDataChannel('')
        await pc.setLocalDescription()
        await complete
        pc.close()
        return gathered
      },
      { urls: relayUrl(), ...user },
    )
  }
})

/** The kinds of candidate at both ends of the path in use. */
function selectedPair(page: Page): Promise<string[]> {
  return page.evaluate(async () => {
    const stats = (await connections().at(-1)?.getStats()) as ReadonlyMap<string, Record<string, string>> | undefined
    const transport = [...(stats?.values() ?? [])].find(({ type }) => type === 'transport')
    const pair = stats?.get(transport?.['selectedCandidatePairId'] ?? '')
    const ends = [pair?.['localCandidateId'], pair?.['remoteCandidateId']]
    return ends.map((id) => stats?.get(id ?? '')?.['candidateType'] ?? 'none')
  })
}

function ufrag(page: Page): Promise<string | undefined> {
  return page.evaluate(() => /a=ice-ufrag:(\S+)/.exec(connections().at(-1)?.localDescription?.sdp ?? '')?.[1])
}

async function frames(page: Page): Promise<number> {
  return Number(await page.locator('#figures').getAttribute('data-frames-decoded'))
}

async function moreFrames(page: Page): Promise<void> {
  const before = await frames(page)
  await expect.poll(() => frames(page), { timeout: 10_000 }).toBeGreaterThan(before)
}

declare global {
  /** Every connection that a page under test has made, oldest first. */
  var connections: () => RTCPeerConnection[]
}
