import { defineConfig } from 'tsup'
import { base } from '../../tools/tsup-base.ts'

export default defineConfig({
  ...base,
  entry: { index: 'src/index.ts', main: 'src/main.ts' },
  dts: { ...base.dts, entry: { index: 'src/index.ts' } },
})
