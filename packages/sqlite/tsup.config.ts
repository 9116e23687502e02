import { defineConfig } from 'tsup'
import { base } from '../../tools/tsup-base.ts'

export default defineConfig({
  ...base,
  // the thread is a program of its own, beside whatever starts it
  entry: { index: 'src/index.ts', 'store-thread': 'src/store-thread.ts' },
})
