import { describeEmbedding } from '@mesh/example-embedding'

describeEmbedding('embed-hono', new URL('../server.ts', import.meta.url))
