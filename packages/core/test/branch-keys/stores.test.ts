import { join } from 'node:path'
import { temporaryFolder } from '@keyfold/test-support'
import { describe, test } from 'vitest'
import { fileBranchKeyStore } from '../../src/branch-key-file.ts'
import { memoryBranchKeyStore } from '../../src/index.ts'
import { testBranchKeyStore } from '../../src/testing.ts'

describe('in memory', () => testBranchKeyStore({ test, store: memoryBranchKeyStore }))
describe('in a file', () =>
  testBranchKeyStore({
    test,
    store: () => fileBranchKeyStore(join(temporaryFolder(), 'branch-keys.log')),
    reopen: ({ name }) => fileBranchKeyStore(name),
  }))
