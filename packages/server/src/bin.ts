import { runServer, sentenceOf } from './run.ts'

try {
  process.exit(await runServer())
} catch (error) {
  console.error(`mesh-server: ${sentenceOf(error)}`)
  process.exit(1)
}
