import { runServer, sentenceOf, sentenceOfFault } from './run.ts'

// A fault that nobody foresaw leaves the state in doubt: say so and stop, the supervisor starts a clean process.
for (const event of ['uncaughtException', 'unhandledRejection'] as const) {
  process.on(event, (error) => {
    console.error(`mesh-server: ${sentenceOfFault(error)}`)
    process.exit(1)
  })
}

try {
  await runServer()
  process.exit(0)
} catch (error) {
  console.error(`mesh-server: ${sentenceOf(error)}`)
  process.exit(1)
}
