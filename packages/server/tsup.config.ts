import { defineConfig } from 'tsup'

export default defineConfig({
  entry: {
    index: 'src/index.ts',
    sqlite: 'src/storage/sqlite/index.ts',
    postgres: 'src/storage/postgres/index.ts',
    gotify: 'src/notifiers/gotify.ts',
    redis: 'src/bus/redis.ts',
    nats: 'src/bus/nats.ts',
    documents: 'src/documents/index.ts',
    metrics: 'src/monitor/index.ts',
    bin: 'src/bin.ts',
    // Started with new Worker(new URL(...)): dist is flat, so each lies beside the module that starts it, as in src.
    'sqlite-writer': 'src/storage/sqlite/sqlite-writer.ts',
    'password-worker': 'src/auth/password-worker.ts',
  },
  format: 'esm',
  target: 'es2023',
  platform: 'node',
  dts: {
    entry: {
      index: 'src/index.ts',
      sqlite: 'src/storage/sqlite/index.ts',
      postgres: 'src/storage/postgres/index.ts',
      gotify: 'src/notifiers/gotify.ts',
      redis: 'src/bus/redis.ts',
      nats: 'src/bus/nats.ts',
      documents: 'src/documents/index.ts',
      metrics: 'src/monitor/index.ts',
    },
  },
  clean: true,
  // What is loaded only when asked for, such as the writers of documents, stays a file of its own.
  splitting: true,
  removeNodeProtocol: false,
})
