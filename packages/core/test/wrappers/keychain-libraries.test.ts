/** Which library is called, and how, on Linux; without a keychain, so that nothing is started. */
import { noKeytar, requireOrSkip } from '@keyfold/test-support'
import type { TestContext } from 'vitest'
import { describe, expect, onTestFinished, test, vi } from 'vitest'
import type { KeyfoldError } from '../../src/index.ts'
import { keychainLibrary, load } from '../../src/wrappers/keychain-backends.ts'
import { LibraryError } from '../../src/wrappers/keychain-errors.ts'
import type { KeychainBackend, KeychainOptions } from '../../src/wrappers/keychain.ts'
import { createKeychainKey, keychain } from '../../src/wrappers/keychain.ts'
import { alias, fakeBus, found, hello, property, useNoBus } from './fake-bus.ts'

const ATTRIBUTES = {
  keyring: { service: 'payroll', username: 'q4' },
  keytar: { service: 'payroll', account: 'q4', 'xdg:schema': 'org.freedesktop.Secret.Generic' },
}

const reasonKeytar = noKeytar()

function needed(context: TestContext, backend: KeychainBackend): void {
  requireOrSkip(context, process.platform === 'linux', 'only Linux has a Secret Service')
  if (backend === 'keytar') requireOrSkip(context, reasonKeytar === undefined, reasonKeytar ?? '')
}

async function failure(promise: Promise<unknown>): Promise<KeyfoldError> {
  return promise.then(() => expect.fail('should fail'), (error: KeyfoldError) => error)
}

describe.each(['keyring', 'keytar'] as const)('%s', (backend) => {
  test('fails where there is no session, and falls back to nothing', async (context) => {
    needed(context, backend)
    useNoBus()
    const { store } = await keychainLibrary(backend)
    for (const does of ['get', 'set', 'delete'] as const) {
      const error = await failure(store[does]('payroll', 'q4', 'x'))
      expect(error).toBeInstanceOf(LibraryError)
      expect(error.message).toMatch(/D-?Bus/)
    }
  })

  test('has attributes of its own for an entry', async (context) => {
    needed(context, backend)
    expect((await keychainLibrary(backend)).attributes('payroll', 'q4')).toEqual(ATTRIBUTES[backend])
  })

  const ways: [string, KeychainOptions][] = [
    ['payroll/q4', { backend }],
    [`keychain:payroll/q4?backend=${backend}`, {}],
    // what the program says goes before what the URI says
    [`keychain:payroll/q4?backend=${backend === 'keytar' ? 'keyring' : 'keytar'}`, { backend }],
    ...(backend === 'keyring' ? ([['payroll/q4', {}]] as [string, KeychainOptions][]) : []),
  ]
  test.for(ways)('is asked about by them: %s %j', async ([place, options], context) => {
    needed(context, backend)
    const calls = await fakeBus({ replies: [hello, found([], []), alias('/c'), property(false)] })
    expect(await failure(keychain(place, options))).toMatchObject({ code: 'ERR_KEYCHAIN_ENTRY_MISSING' })
    const search = Buffer.from(calls[1]!).toString('latin1')
    for (const pair of Object.entries(ATTRIBUTES[backend]).flat()) expect(search).toContain(`${pair}\0`)
    expect(search.includes('username')).toBe(backend === 'keyring')
  })

  test('abuse 23: is not called where the keychain is locked', async (context) => {
    needed(context, backend)
    await fakeBus({ replies: [hello, found([], ['/i/1'])] })
    expect(await failure(keychain('payroll/q4', { backend }))).toMatchObject({ code: 'ERR_KEYCHAIN_LOCKED', message: 'the keychain is locked' })
    await fakeBus({ replies: [hello, found([], []), alias('/')] })
    expect(await failure(createKeychainKey('payroll/q4', { backend }))).toMatchObject({ code: 'ERR_KEYCHAIN_UNAVAILABLE' })
  })
})

describe('the system is asked', () => {
  /** The module as another system loads it. */
  const on = async (platform: string): Promise<typeof keychain> => {
    const real = Object.getOwnPropertyDescriptor(process, 'platform')!
    Object.defineProperty(process, 'platform', { ...real, value: platform })
    onTestFinished(() => void Object.defineProperty(process, 'platform', real))
    vi.resetModules()
    return (await import('../../src/wrappers/keychain.ts')).keychain
  }

  test.each(['linux', 'freebsd'])('by the Secret Service first: %s', async (platform) => {
    useNoBus()
    expect((await failure((await on(platform))('payroll/q4'))).message).toMatch(/^there is no D-Bus session/)
  })

  test.for(['darwin', 'win32'])('by the library alone, which shows what there is to show: %s', async (platform, context) => {
    needed(context, 'keyring')
    useNoBus()
    const error = await failure((await on(platform))('payroll/q4'))
    expect(error.message).toBe('keychain:payroll/q4 cannot be reached: the keychain failed')
  })

  const times = [['linux', 10_000], ['darwin', 60_000], ['win32', 60_000]] as const
  test.each(times)('by default for a time in which somebody can answer: %s', async (platform, ms) => {
    const open = await on(platform)
    vi.useFakeTimers()
    onTestFinished(() => void vi.useRealTimers())
    const never = (): Promise<never> => new Promise(() => undefined)
    const opening = failure(open('payroll/q4', { backend: { get: never, set: never, delete: never } }))
    await vi.advanceTimersByTimeAsync(ms)
    expect((await opening).message).toBe(`the keychain did not answer within ${ms} ms`)
  })
})

test('a library that cannot be imported is named, with the command that installs it', async () => {
  expect(await load('keytar', '7.9.0', async () => 7)).toBe(7)
  const gone = Object.assign(new Error('a path of this machine'), { code: 'ERR_DLOPEN_FAILED' })
  expect(await failure(load('keytar', '7.9.0', () => Promise.reject(gone)))).toMatchObject({
    code: 'ERR_RUNTIME',
    message: 'Cannot load keytar (ERR_DLOPEN_FAILED)',
    hint: 'Install it beside Keyfold: npm install keytar@7.9.0. keytar also needs libsecret on Linux, and its headers when it is built.',
  })
})
