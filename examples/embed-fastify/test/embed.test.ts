import { describeEmbedding } from '@mesh/example-embedding'

describeEmbedding('embed-fastify', new URL('../server.ts', import.meta.url))
