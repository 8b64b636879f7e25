import { defineConfig } from 'tsup'

export default defineConfig({
  entry: {
    index: 'src/index.ts',
    protocol: 'src/protocol.ts',
    errors: 'src/errors.ts',
    names: 'src/names.ts',
    tokens: 'src/tokens/index.ts',
    p2p: 'src/p2p/index.ts',
    testing: 'src/testing/index.ts',
  },
  format: 'esm',
  target: 'es2023',
  platform: 'neutral',
  dts: true,
  clean: true,
  splitting: false,
})
