import { defineConfig } from 'tsup'
import { base } from '../../tools/tsup-base.ts'

export default defineConfig({
  ...base,
  entry: { index: 'src/index.ts', 'cli/main': 'src/cli/main.ts' },
  dts: { ...base.dts, entry: { index: 'src/index.ts' } },
  // the CLI loads it by the config, where it is installed
  external: ['@keyfold/sqlite'],
})
