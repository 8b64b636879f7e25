// The standalone server as `mesh-server` runs it, from the sources; a message from outside makes a fault that nobody foresaw.
import { runServer } from '@mesh/server'

process.on('message', (message) => {
  void Promise.reject(new Error(String(message)))
})
process.exit(await runServer())
