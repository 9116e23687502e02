import { defineConfig } from 'tsup'
import { base } from '../../tools/tsup-base.ts'

const typed = {
  'index': 'src/index.ts',
  'aws-kms': 'src/wrappers/aws-kms.ts',
  'branch-key-file': 'src/branch-key-file.ts',
  'fips': 'src/fips.ts',
  'key-file': 'src/wrappers/key-file.ts',
  'keychain': 'src/wrappers/keychain.ts',
  'raw-key': 'src/wrappers/raw-key.ts',
  'testing': 'src/testing.ts',
}

export default defineConfig({
  ...base,
  entry: {
    ...typed,
    'backend-bun': 'src/backend-bun.ts',
    'backend-node': 'src/backend-node.ts',
    'backend-noble': 'src/backend-noble.ts',
  },
  dts: { ...base.dts, entry: typed },
  // left to the reader's runtime: the `imports` of package.json pick the backend by condition
  external: ['#backend'],
})
