import { describeEmbedding, startApp } from '@mesh/example-embedding'
import { expect, it } from 'vitest'
import { WebSocket } from 'ws'

const server = new URL('../server.ts', import.meta.url)

describeEmbedding('embed-express', server)

it("leaves the application's own WebSocket alone", async () => {
  const { base, close } = await startApp(server)
  const news = new WebSocket(`${base.replace('http', 'ws')}/news`)
  const greeting = await new Promise((resolve) => news.once('message', (data) => resolve(String(data))))
  expect(greeting).toBe('welcome to the news')
  news.close()
  await close()
})
