import { describeEmbedding } from '@mesh/example-embedding'

describeEmbedding('embed-http', new URL('../server.ts', import.meta.url))
