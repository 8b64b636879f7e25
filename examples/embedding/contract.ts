// What every application may expect that embeds Mesh and brings its own users. Each example runs it, in its own words for
// logging in and out.
import { once } from 'node:events'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { WebSocket } from 'ws'
import { startApp, type App } from './app.ts'

export { startApp, type App } from './app.ts'

/** Holds an example to it. Carol and Dave are users of the application, and in a room together. */
export function describeEmbedding(name: string, server: URL): void {
  describe(name, () => {
    let app: App
    beforeAll(async () => {
      app = await startApp(server)
    })
    afterAll(() => app.close())

    const get = (path: string, headers: Record<string, string>) => fetch(`${app.base}${path}`, { headers })

    async function roomOf(headers: Record<string, string>): Promise<string> {
      const { data } = (await (await get('/mesh/api/v1/rooms', headers)).json()) as { data: { room_id: string }[] }
      return data[0]?.room_id ?? ''
    }

    it("lets the application's own users chat over Mesh, without a second login", async () => {
      const [carol, dave] = [await app.login('carol'), await app.login('dave')]
      const room_id = await roomOf(carol.headers)
      const [hers, his] = [await app.connect(carol), await app.connect(dave)]
      const [room, other] = [await hers.join(room_id), await his.join(room_id)]
      const heard = new Promise((resolve) => other.on('message', resolve))
      await room.send('hello dave')
      expect(await heard).toMatchObject({ text: 'hello dave', user_id: hers.me.user_id })
      await hers.close()
      await his.close()
    })

    it('gives each connection an access token of Mesh, for REST', async () => {
      const mesh = await app.connect(await app.login('carol'))
      const authorization = `Bearer ${mesh.accessToken}`
      expect(await (await get('/mesh/api/v1/me', { authorization })).json()).toMatchObject({ username: 'carol' })
      await mesh.close()
    })

    it('ends the connection of whoever logs out of the application, and nobody else', async () => {
      const his = await app.connect(await app.login('dave'))
      const times: number[] = []
      for (let n = 0; n < 5; n++) {
        // Whoever logs in again is back.
        const carol = await app.login('carol')
        const hers = await app.connect(carol)
        const { accessToken } = hers
        const since = performance.now()
        const closed = new Promise<void>((resolve) => {
          hers.on('state', (state) => state === 'closed' && resolve())
        })
        const loggedOut = app.logout(carol)
        await closed
        times.push(performance.now() - since)
        expect((await loggedOut).ok).toBe(true)
        expect((await get('/mesh/api/v1/me', { authorization: `Bearer ${accessToken}` })).status).toBe(401)
        await expect(app.connect(carol)).rejects.toMatchObject({ code: expect.stringMatching(/^AUTH_/) })
      }
      process.stdout.write(`${name}: logout ended the socket after ${times.map((ms) => ms.toFixed(1)).join(', ')} ms\n`)
      // The first is cold, and any may be unlucky on a machine that is busy.
      expect(times.sort((a, b) => a - b)[2]).toBeLessThan(100)
      await his.request('system.ping', {})
      await his.close()
    })

    it('knows nobody who has not logged in there, and no page of another origin', async () => {
      await expect(app.connect({ headers: {}, token: undefined })).rejects.toMatchObject({ code: 'AUTH_REQUIRED' })
      expect((await get('/mesh/api/v1/rooms', {})).status).toBe(401)
      const foreign = new WebSocket(`${app.base.replace('http', 'ws')}/mesh/ws`, 'mesh.v1', {
        origin: 'https://evil.example',
        headers: (await app.login('carol')).headers,
      })
      const [error] = (await once(foreign, 'error')) as [Error]
      expect(error.message).toContain('403')
    })

    it("leaves the application's own routes alone", async () => {
      const hello = await get('/hello', (await app.login('dave')).headers)
      expect(await hello.json()).toEqual({ hello: 'dave' })
      expect((await get('/nowhere', {})).status).toBe(404)
    })
  })
}
