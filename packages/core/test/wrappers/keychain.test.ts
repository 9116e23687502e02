/** What holds for any keychain; the operating system's own is in keychain-processes.test.ts. */
import { inspect } from 'node:util'
import { describe, expect, test } from 'vitest'
import { createKeyring, KeyfoldError, openTextSync, sealSync } from '../../src/index.ts'
import { localKeyWrapper } from '../../src/local-wrap.ts'
import { encodeEntry, parseEntry } from '../../src/wrappers/keychain-entry.ts'
import { LibraryError, storeError } from '../../src/wrappers/keychain-errors.ts'
import { askingFirst } from '../../src/wrappers/keychain-store.ts'
import type { EntryState } from '../../src/wrappers/keychain-secret-service.ts'
import type { KeychainStore } from '../../src/wrappers/keychain.ts'
import { createKeychainKey, importKeychainKey, keychain, keychainId } from '../../src/wrappers/keychain.ts'
import { codeOf, codeOfAsync, insecureKey } from '../keys.ts'
import { overwritten } from '../overwritten.ts'
import { hex } from '../vectors.ts'

const kek = insecureKey('keychain')
const entry = encodeEntry(kek)
const keyId = hex(localKeyWrapper('keychain:a/b', kek).keyId)

/** A keychain in memory, with what it was asked to do. */
function memory(entries: Record<string, unknown> = {}, change: Partial<KeychainStore> = {}) {
  const calls: string[] = []
  const at = (service: string, account: string): string => `${service}/${account}`
  const store: KeychainStore = {
    get: (service, account) => {
      calls.push('get')
      return entries[at(service, account)] as string | undefined
    },
    set: async (service, account, text) => {
      calls.push('set')
      entries[at(service, account)] = text
    },
    delete: async (service, account) => {
      calls.push('delete')
      return delete entries[at(service, account)]
    },
    ...change,
  }
  return { entries, calls, backend: store }
}

async function failure(promise: Promise<unknown>): Promise<KeyfoldError> {
  return promise.then(() => expect.fail('should fail'), (error: KeyfoldError) => error)
}

describe('an entry', () => {
  test('is a version, the key id and the key, and reads back', () => {
    expect(entry).toBe(`keyfold-kek-v1:${keyId}:${Buffer.from(kek).toString('base64url')}`)
    expect(hex(parseEntry(entry, 'x'))).toBe(hex(kek))
  })

  const stray = (text: string): string => text.slice(0, -1) + String.fromCharCode(text.charCodeAt(text.length - 1) + 1)
  test.each([
    ['nothing', '', 'is no key of Keyfold'],
    ['a password', 'correct horse battery staple', 'is no key of Keyfold'],
    ['a key file in hex', hex(kek), 'is no key of Keyfold'],
    ['another version', entry.replace('v1', 'v2'), 'version'],
    ['a key of 16 bytes', `keyfold-kek-v1:${keyId}:${Buffer.from(kek.subarray(16)).toString('base64url')}`, 'wrong length'],
    ['a key of 33 bytes', `keyfold-kek-v1:${keyId}:${Buffer.concat([kek, kek.subarray(31)]).toString('base64url')}`, 'wrong length'],
    ['an entry that is cut', entry.slice(0, -1), 'wrong length'],
    ['an entry with a line end', `${entry}\n`, 'wrong length'],
    ['an entry with a blank before', ` ${entry}`, 'is no key of Keyfold'],
    ['base64 with padding', `${entry}=`, 'wrong length'],
    ['a key id in upper case', entry.replace(keyId, keyId.toUpperCase()), 'wrong length'],
    ['stray bits in the last character', stray(entry), 'altered'],
    ['another key under the key id', entry.replace(/:[^:]*$/, `:${Buffer.from(insecureKey('other')).toString('base64url')}`), 'altered'],
  ])('of the wrong length or form is refused, and not shown: %s', async (_name, text, fact) => {
    const { backend } = memory({ 'a/b': text })
    const error = await failure(keychain('a/b', { backend }))
    expect(error.code).toBe('ERR_KEYCHAIN_ENTRY_INVALID')
    expect(error.message).toMatch(/^the entry of keychain:a\/b /)
    expect(error.message).toContain(fact)
    expect(inspect(error)).not.toMatch(/horse|[\w-]{43}/)
  })

  test.each([['a number', 7], ['bytes', kek], ['an object', {}]])('that is no text is refused: %s', async (_name, value) => {
    expect(await codeOfAsync(keychain('a/b', { backend: memory({ 'a/b': value }).backend }))).toBe('ERR_KEYCHAIN_ENTRY_INVALID')
  })
})

describe('a place', () => {
  test('is written with or without its scheme, and gives the id', async () => {
    for (const place of ['a/b', 'keychain:a/b', 'keychain:a/b?backend=keytar', 'a/b?backend=keyring']) expect(keychainId(place)).toBe('keychain:a/b')
    const { backend } = memory({ 'a/b': entry })
    const wrapper = await keychain('keychain:a/b', { backend })
    expect([wrapper.id, hex(wrapper.keyId)]).toEqual(['keychain:a/b', keyId])
    expect(keychainId(`${'s'.repeat(128)}/0_.-`)).toBe(`keychain:${'s'.repeat(128)}/0_.-`)
  })

  test.each([
    '', 'a', 'a/', '/b', 'a/b/c', '../b', 'a/..', 'a/b?', 'a/b?backend=', 'a/b?backend=file', 'a/b?backend=keytar&x=1', 'a b/c', 'ä/b', 'a/b\n',
    '-a/b', 'a/b#c',
    'keychain:keychain:a/b', 'key-file:a/b', 'https://example.org/a', `${'s'.repeat(129)}/b`, `a/${'b'.repeat(129)}`, 'a/b\0', 7, undefined,
  ])('abuse 18: %j is none, and no keychain is asked', async (place) => {
    const { backend, calls } = memory()
    const error = await failure(keychain(place as string, { backend }))
    expect(error.code).toBe('ERR_KEY_ID_INVALID')
    expect(error.hint).toContain('keychain:payroll/2026q4')
    expect(codeOf(() => keychainId(place as string))).toBe('ERR_KEY_ID_INVALID')
    expect(calls).toEqual([])
  })
})

describe('making a key', () => {
  test('writes it, reads it back, and gives a wrapper that seals', async () => {
    const { backend, entries, calls } = memory()
    const made = await createKeychainKey('a/b', { backend })
    expect(calls).toEqual(['get', 'set', 'get'])
    expect(hex((await keychain('a/b', { backend })).keyId)).toBe(hex(made.keyId))
    expect(entries['a/b']).toMatch(/^keyfold-kek-v1:[0-9a-f]{24}:[\w-]{43}$/)
    const keyring = createKeyring({ active: made })
    expect(openTextSync(keyring, sealSync(keyring, 'x', {}), {})).toBe('x')
    expect(hex((await createKeychainKey('a/c', { backend })).keyId)).not.toBe(hex(made.keyId))
  })

  test.each([entry, encodeEntry(insecureKey('other')), 'a password', ''])('never overwrites: %#', async (before) => {
    const { backend, entries, calls } = memory({ 'a/b': before })
    expect(await codeOfAsync(createKeychainKey('a/b', { backend }))).toBe('ERR_KEYCHAIN_ENTRY_EXISTS')
    expect([entries, calls]).toEqual([{ 'a/b': before }, ['get']])
  })

  test('an import of the key that is there already is done without writing; of any other it is refused', async () => {
    const { backend, calls } = memory({ 'a/b': entry })
    expect(hex((await importKeychainKey('a/b', kek, { backend })).keyId)).toBe(keyId)
    expect(await codeOfAsync(importKeychainKey('a/b', insecureKey('other'), { backend }))).toBe('ERR_KEYCHAIN_ENTRY_EXISTS')
    expect(calls).toEqual(['get', 'get'])
  })

  test('an import leaves the bytes to the caller, who may wipe them', async () => {
    const own = kek.slice()
    const wrapper = await importKeychainKey('a/b', own, { backend: memory().backend })
    expect(hex(own)).toBe(hex(kek))
    const wrapped = wrapper.wrapSync(insecureKey('dek'), { bytes: own, pairs: [] })
    own.fill(0)
    expect(hex(wrapper.unwrapSync(wrapped, { bytes: own, pairs: [] }))).toBe(hex(insecureKey('dek')))
  })

  test.each([
    ['31 bytes', kek.subarray(1)],
    ['33 bytes', Buffer.concat([kek, kek.subarray(31)])],
    ['zeros', new Uint8Array(32)],
    ['one byte 32 times', new Uint8Array(32).fill(7)],
    ['text', hex(kek).slice(32)],
    ['an array', [...kek]],
  ])('%s are no key', async (_name, bytes) => {
    const { backend, calls } = memory()
    expect(await codeOfAsync(importKeychainKey('a/b', bytes as Uint8Array, { backend }))).toBe('ERR_ARGUMENT')
    expect(calls).toEqual([])
  })

  test('what a keychain does not keep as it was written is taken out again, and is an error', async () => {
    for (const kept of ['cut', '']) {
      const { backend, entries, calls } = memory({}, { set: () => void (entries['a/b'] = kept) })
      const error = await failure(createKeychainKey('a/b', { backend }))
      expect([error.code, error.message]).toEqual([
        'ERR_KEYCHAIN_UNAVAILABLE', 'the keychain did not keep the entry of keychain:a/b as it was written',
      ])
      expect([entries, calls]).toEqual([{}, ['get', 'get', 'delete']])
    }
  })

  test("another process's key, made at the same moment, is left alone", async () => {
    const { backend, entries, calls } = memory({}, { set: () => void (entries['a/b'] = entry) })
    expect(await codeOfAsync(createKeychainKey('a/b', { backend }))).toBe('ERR_KEYCHAIN_ENTRY_EXISTS')
    expect([entries, calls]).toEqual([{ 'a/b': entry }, ['get', 'get']])
  })
})

describe('a store of one’s own', () => {
  test.each([null, undefined])('that gives %s has no entry: opening makes none', async (nothing) => {
    const { backend, calls } = memory({ 'a/b': nothing })
    const error = await failure(keychain('a/b', { backend }))
    expect([error.code, error.message]).toEqual(['ERR_KEYCHAIN_ENTRY_MISSING', 'the keychain has no entry for keychain:a/b'])
    expect(calls).toEqual(['get'])
  })

  test('that throws is unavailable, and what it says is not repeated', async () => {
    const quoting = new Error(`cannot write ${entry}`)
    for (const backend of [
      memory({}, { get: () => Promise.reject(quoting) }).backend,
      memory({}, { get: () => { throw quoting } }).backend,
      memory({}, { set: () => Promise.reject(quoting) }).backend,
      // eslint-disable-next-line @typescript-eslint/only-throw-error -- somebody else's code may
      memory({}, { set: () => { throw entry } }).backend,
    ]) {
      const error = await failure(createKeychainKey('a/b', { backend }))
      expect([error.code, error.message]).toEqual(['ERR_KEYCHAIN_UNAVAILABLE', 'keychain:a/b cannot be reached: the keychain failed'])
      expect(String((error.cause as Error).message)).toMatch(/^(Error|string)$/)
      expect(inspect(error)).not.toMatch(/[\w-]{43}/)
    }
  })

  test('whose own words are like those of a library is unavailable all the same', async () => {
    for (const text of ['the keychain is locked', 'access denied']) {
      const { backend } = memory({}, { get: () => Promise.reject(new Error(text)) })
      expect(await codeOfAsync(keychain('a/b', { backend }))).toBe('ERR_KEYCHAIN_UNAVAILABLE')
    }
  })

  test('leaves no timer behind', async () => {
    const timers = (): number => process.getActiveResourcesInfo().filter((name) => name === 'Timeout').length
    const before = timers()
    const { backend } = memory({ 'a/b': entry })
    for (let i = 0; i < 20; i++) await keychain('a/b', { backend, timeoutMs: 600_000 })
    expect(timers()).toBeLessThan(before + 20)
  })

  test('may say by a code of its own what is the matter', async () => {
    const locked = new KeyfoldError('ERR_KEYCHAIN_LOCKED', 'the safe is locked')
    expect(await failure(keychain('a/b', { backend: memory({}, { get: () => Promise.reject(locked) }).backend }))).toBe(locked)
  })

  test('abuse 23: that never answers ends in time', async () => {
    const { backend } = memory({}, { get: () => new Promise<never>(() => undefined) })
    const error = await failure(keychain('a/b', { backend, timeoutMs: 50 }))
    expect([error.code, error.message]).toEqual(['ERR_KEYCHAIN_UNAVAILABLE', 'the keychain did not answer within 50 ms'])
    expect(error.hint).toContain('key file')
  })

  const none = (): null => null
  test.each([
    [{ timeoutMs: 49 }], [{ timeoutMs: 600_001 }], [{ timeoutMs: 99.5 }], [{ timeoutMs: '100' }], [{ timeoutMs: Number.NaN }],
    [{ backend: 'keychain' }], [{ backend: null }], [{ backend: {} }], [{ backend: none }],
    [{ backend: { get: none, set: none } }], [{ backend: { get: none, delete: none } }], [{ backend: { set: none, delete: none } }],
  ])('wrong options are refused before anything is asked: %j', async (options) => {
    const { backend, calls } = memory({ 'a/b': entry })
    expect(await codeOfAsync(keychain('a/b', { backend, ...options } as never))).toBe('ERR_ARGUMENT')
    expect(calls).toEqual([])
  })

  test.each([50, 600_000])('%i ms are accepted', async (timeoutMs) => {
    expect((await keychain('a/b', { backend: memory({ 'a/b': entry }).backend, timeoutMs })).id).toBe('keychain:a/b')
  })
})

test('abuse 13: what a keychain gives prints without its key', async () => {
  const wrapper = await keychain('a/b', { backend: memory({ 'a/b': entry }).backend })
  const all = { depth: Infinity, showHidden: true }
  const printed = [inspect(wrapper, all), JSON.stringify(wrapper), inspect(wrapper.wrapSync, all)].join()
  expect(printed).not.toContain(entry.slice(-43))
  expect(printed).not.toContain(hex(kek))
  expect(printed).not.toContain([...kek.subarray(0, 6)].join(', '))
})

test('the bytes of a key are overwritten once its wrapper is made', async () => {
  const wiped = overwritten()
  const { backend, entries } = memory({ 'a/b': entry })
  await keychain('a/b', { backend })
  expect(wiped).toContain(hex(kek))
  await createKeychainKey('a/c', { backend })
  expect(wiped).toContain(Buffer.from(String(entries['a/c']).slice(-43), 'base64url').toString('hex'))
  wiped.length = 0
  const failing = memory({}, { set: () => Promise.reject(new Error('full')) })
  expect(await codeOfAsync(createKeychainKey('a/d', failing))).toBe('ERR_KEYCHAIN_UNAVAILABLE')
  expect(wiped.filter((bytes) => bytes.length === 64)).toHaveLength(1)
  const other = encodeEntry(insecureKey('other'))
  const raced = memory({}, { set: () => void (raced.entries['a/b'] = other) })
  expect(await codeOfAsync(createKeychainKey('a/b', raced))).toBe('ERR_KEYCHAIN_ENTRY_EXISTS')
  expect(wiped).toContain(hex(insecureKey('other')))
})

describe('the service is asked before the library', () => {
  const asked = async (state: EntryState, does: 'get' | 'set' | 'delete', text: string | null = entry) => {
    const { backend, calls } = memory({ 'a/b': text })
    const first = askingFirst(backend, async () => state)
    const code = await codeOfAsync((async () => first[does]('a', 'b', 'new'))())
    return { code, calls }
  }

  test.each([
    ['locked', 'ERR_KEYCHAIN_LOCKED'],
    ['no-keychain', 'ERR_KEYCHAIN_UNAVAILABLE'],
    ['ambiguous', 'ERR_KEYCHAIN_ENTRY_INVALID'],
  ] as const)('abuse 23: which, when %s, is not called at all', async (state, code) => {
    for (const does of ['get', 'set', 'delete'] as const) expect(await asked(state, does)).toEqual({ code, calls: [] })
  })

  test('an entry that is absent is not asked for; it can be written, and need not be deleted', async () => {
    expect(await asked('absent', 'get')).toEqual({ code: undefined, calls: [] })
    expect(await asked('absent', 'set')).toEqual({ code: undefined, calls: ['set'] })
    expect(await asked('absent', 'delete')).toEqual({ code: undefined, calls: [] })
  })

  test('an entry that is present is read, written and deleted', async () => {
    for (const does of ['get', 'set', 'delete'] as const) expect(await asked('present', does)).toEqual({ code: undefined, calls: [does] })
  })

  test("abuse 23: the library's null for an entry that is there is a refusal, never \"no key\"", async () => {
    expect(await asked('present', 'get', null)).toEqual({ code: 'ERR_KEY_DENIED', calls: ['get'] })
  })
})

test.each([
  ["Couldn't access platform storage: Secret Service: unlock prompt was dismissed", 'ERR_KEY_DENIED'],
  ['The user name or passphrase you entered is not correct.', 'ERR_KEY_DENIED'],
  ['User canceled the operation.', 'ERR_KEY_DENIED'],
  ['The operation was cancelled', 'ERR_KEY_DENIED'],
  ['Access is denied.', 'ERR_KEY_DENIED'],
  ['Platform failure: -128', 'ERR_KEY_DENIED'],
  ['Platform failure: -25293', 'ERR_KEY_DENIED'],
  ['Cannot create an item in a locked collection', 'ERR_KEYCHAIN_LOCKED'],
  ['User interaction is not allowed.', 'ERR_KEYCHAIN_LOCKED'],
  ['Platform failure: -25308', 'ERR_KEYCHAIN_LOCKED'],
  ['Data is not UTF-8 encoded', 'ERR_KEYCHAIN_ENTRY_INVALID'],
  ['Platform failure: -1281', 'ERR_KEYCHAIN_UNAVAILABLE'],
  ["Couldn't access platform storage: Secret Service: no result found", 'ERR_KEYCHAIN_UNAVAILABLE'],
  ['', 'ERR_KEYCHAIN_UNAVAILABLE'],
])('what a library says, %j, is %s', (message, code) => {
  const error = storeError(new LibraryError(message), 'keychain:a/b')
  expect([error.code, (error.cause as Error).message]).toEqual([code, message])
  expect(error.message).toMatch(/^keychain:a\/b /)
  expect(storeError(new LibraryError('x'.repeat(500)), 'i').cause).toMatchObject({ message: 'x'.repeat(200) })
})
