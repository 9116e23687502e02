import type { KeychainSession } from '@keyfold/test-support'
import { noKeychainSession, noKeytar, requireOrSkip, startKeychainSession } from '@keyfold/test-support'
import { afterAll, beforeAll, describe, test } from 'vitest'
import { testKeyWrapper } from '../../src/testing.ts'
import { createKeychainKey, keychain } from '../../src/wrappers/keychain.ts'

// each case opens its wrappers anew, from a real GNOME Keyring
describe('OS keychain', () => {
  const noSession = noKeychainSession()
  let session: KeychainSession | undefined
  beforeAll(async () => {
    if (noSession !== undefined) return
    session = await startKeychainSession()
    // this file's process has no other session: the libraries stay with the first
    Object.assign(process.env, session.env)
  })
  afterAll(() => session?.stop())

  for (const backend of ['keyring', 'keytar'] as const) {
    const missing = noSession ?? (backend === 'keytar' ? noKeytar() : undefined)
    const options = { backend, timeoutMs: 60_000 }
    describe(backend, () => {
      beforeAll(async () => {
        if (missing !== undefined) return
        for (const account of ['a', 'b']) await createKeychainKey(`kit/${account}`, options)
      })
      testKeyWrapper({
        test: (name, run) =>
          test(name, async (context) => {
            requireOrSkip(context, missing === undefined, missing ?? '')
            await run()
          }),
        wrapper: () => keychain('kit/a', options),
        other: () => keychain('kit/b', options),
      })
    })
  }
})
