import { defineConfig } from 'tsup'

export default defineConfig({
  entry: { cli: 'src/cli.ts' },
  format: 'esm',
  target: 'es2023',
  platform: 'node',
  // A program, not a library: nobody imports it, so there are no types to ship.
  dts: false,
  clean: true,
  splitting: false,
  removeNodeProtocol: false,
})
