import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, test } from 'vitest'
import { testKeyWrapper } from '../../src/testing.ts'
import { createKeyFile, keyFile } from '../../src/wrappers/key-file.ts'
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
