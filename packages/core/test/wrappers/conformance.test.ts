import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, test } from 'vitest'
import { caching, multi, withoutMaterials } from '../../src/index.ts'
import { testKeyWrapper } from '../../src/testing.ts'
import { createKeyFile, keyFile } from '../../src/wrappers/key-file.ts'
import { insecureWrapper, remoteWrapper } from '../keys.ts'
import { anyKms } from './aws-kms-support.ts'

describe('key files', () => {
  const folder = mkdtempSync(join(tmpdir(), 'keyfold-test-'))
  const path = (name: string): string => join(folder, `${name}.key`)
  beforeAll(() => ['a', 'b'].forEach((name) => createKeyFile(path(name))))
  afterAll(() => rmSync(folder, { recursive: true }))
  testKeyWrapper({ test, wrapper: () => keyFile(path('a')), other: () => keyFile(path('b')) })
})

describe('AWS KMS', () => {
  let kms: Awaited<ReturnType<typeof anyKms>>
  const arns: string[] = []
  beforeAll(async () => {
    kms = await anyKms()
    arns.push(await kms.createKey(), await kms.createKey())
  })
  afterAll(() => kms.close())
  testKeyWrapper({
    test,
    wrapper: () => kms.wrapper(arns[0]!),
    other: () => kms.wrapper(arns[1]!),
    unreachable: () => kms.wrapper(arns[0]!, { endpoint: 'http://127.0.0.1:1', attempts: 1 }),
  })
})

describe.each([
  ['a cache over a key of a service', (name: string) => caching(remoteWrapper(name), { ttlMs: 60_000 })],
  ['a cache over a key with batches', (name: string) => caching(insecureWrapper(name), { ttlMs: 60_000 })],
  ['a small cache', (name: string) => caching(insecureWrapper(name), { ttlMs: 60_000, maxEntries: 2, maxUses: 2 })],
  ['one key in two places', (name: string) => multi([remoteWrapper(name), insecureWrapper(name)])],
  ['one local key in two places', (name: string) => multi([insecureWrapper(name), insecureWrapper(name)])],
])('%s', (_, make) => testKeyWrapper({ test, wrapper: () => make('a'), other: () => make('b') }))

describe('AWS KMS behind decorators', () => {
  let kms: Awaited<ReturnType<typeof anyKms>>
  const arns: string[] = []
  beforeAll(async () => {
    kms = await anyKms()
    arns.push(await kms.createKey(), await kms.createKey())
  })
  afterAll(() => kms.close())
  const make = (i: number) => caching(withoutMaterials(kms.wrapper(arns[i]!), ['0123456789ab']), { ttlMs: 60_000 })
  testKeyWrapper({ test, wrapper: () => make(0), other: () => make(1), alterations: 16 })
})
