import { mkdirSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { temporaryFolder } from '@keyfold/test-support'
import { describe, expect, test } from 'vitest'
import { brokenArrows } from '../check-imports/check.ts'
import { importsOf } from '../check-imports/imports-of.ts'

/** A tree with the files that the arrows allow, and those of the test. */
function tree(files: Readonly<Record<string, string>>): string {
  const root = temporaryFolder()
  const sound = {
    'packages/core/src/errors.ts': 'export class KeyfoldError extends Error {}',
    'packages/core/src/types.ts': 'export interface KeyWrapper { readonly id: string }',
    'packages/core/src/bytes.ts': "import { KeyfoldError } from './errors.ts'\nexport const fail = (): never => { throw new KeyfoldError() }",
    'packages/core/src/index.ts': "export { KeyfoldError } from './errors.ts'\nexport type { KeyWrapper } from './types.ts'",
    'packages/sqlite/src/index.ts': "import type { KeyWrapper } from '@keyfold/core'\nexport type Table = KeyWrapper",
    'packages/rotation/src/index.ts': "export { KeyfoldError } from '@keyfold/core'",
    'packages/rotation/src/cli/stores.ts': "export const load = (): Promise<unknown> => import('@keyfold/sqlite')",
  }
  for (const [path, text] of Object.entries({ ...sound, ...files })) {
    mkdirSync(join(root, dirname(path)), { recursive: true })
    writeFileSync(join(root, path), `${text}\n`)
  }
  return root
}

describe('arrows', () => {
  test('a sound tree has none broken', () => {
    expect(brokenArrows(tree({}))).toEqual([])
  })

  const planted: readonly (readonly [string, string, string])[] = [
    ['a lower file that knows a higher one', 'core/src/bytes.ts', "import { seal } from './index.ts'"],
    ['a type import', 'core/src/types.ts', "import type { fail } from './bytes.ts'"],
    ['an inline type import', 'core/src/types.ts', "export type Fail = import('./bytes.ts').Fail"],
    ['a re-export', 'core/src/types.ts', "export * from './bytes.ts'"],
    ['a dynamic import', 'core/src/errors.ts', "export const late = () => import('./bytes.ts')"],
    ['a wrapper that knows the envelope', 'core/src/wrappers/key-file.ts', "import { seal } from '../index.ts'"],
    ['a wrapper that knows another', 'core/src/wrappers/keychain.ts', "import './aws-kms.ts'"],
    ['the AWS SDK outside of its wrapper', 'core/src/bytes.ts', "import type { KMSClient } from '@aws-sdk/client-kms'"],
    ['node: in a portable file', 'core/src/bytes.ts', "import { randomBytes } from 'node:crypto'"],
    ['@noble outside of its backend', 'core/src/bytes.ts', "import { gcm } from '@noble/ciphers/aes.js'"],
    ['a file that no row names', 'core/src/helpers.ts', 'export const one = 1'],
    ['core that knows an adapter', 'core/src/bytes.ts', "import '@keyfold/sqlite'"],
    ['the adapter that knows rotation', 'sqlite/src/index.ts', "import { rotate } from '@keyfold/rotation'"],
    ['the engine that knows an adapter', 'rotation/src/index.ts', "import type { sealedTable } from '@keyfold/sqlite'"],
    ['the engine that loads an adapter', 'rotation/src/index.ts', "export const store = () => import('@keyfold/sqlite')"],
    ['the engine that requires an adapter', 'rotation/src/index.ts', "export const store = require('@keyfold/sqlite')"],
    ['the engine that knows its CLI', 'rotation/src/index.ts', "import { load } from './cli/stores.ts'"],
    ['a path out of the package', 'sqlite/src/index.ts', "import { fail } from '../../core/src/bytes.ts'"],
    ['a package that nobody granted', 'sqlite/src/index.ts', "import axios from 'left-pad'"],
    ['a module whose name is data', 'rotation/src/index.ts', 'export const load = (name: string) => import(name)'],
    ['a file that is not there', 'core/src/index.ts', "export { x } from './gone.ts'"],
    ['a circle', 'sqlite/src/index.ts', "export * from './index.ts'"],
  ]
  test.each(planted)('%s is named with its place', (_what, path, text) => {
    const name = `packages/${path}`
    const files = path.endsWith('keychain.ts') ? { 'packages/core/src/wrappers/aws-kms.ts': '', [name]: text } : { [name]: text }
    const faults = brokenArrows(tree(files))
    expect(faults.filter((fault) => fault.startsWith(`${name}:`))).not.toEqual([])
  })

  test('the AWS wrapper may name the AWS SDK', () => {
    expect(brokenArrows(tree({ 'packages/core/src/wrappers/aws-kms.ts': "import { KMSClient } from '@aws-sdk/client-kms'" }))).toEqual([])
  })

  test('a longer circle is named with all that lie on it', () => {
    const files = {
      'packages/sqlite/src/a.ts': "import type { B } from './b.ts'\nexport type A = B",
      'packages/sqlite/src/b.ts': "import type { A } from './a.ts'\nexport type B = A",
    }
    expect(brokenArrows(tree(files)).join('\n')).toContain('a -> b -> a')
  })
})

test('words in comments and strings are no imports', () => {
  expect(importsOf('x.ts', "// import './a.ts'\nconst text = \"import './b.ts'\"")).toEqual([])
})
