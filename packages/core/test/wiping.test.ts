/** What is overwritten once it was used: plaintexts on their way to a new data key, branch keys, and the keys of bodies. */
import { describe, expect, test } from 'vitest'
import type { StoredBranchKey } from '../src/index.ts'
import {
  createKeyring, memoryBranchKeyStore, openSync, reencrypt, reencryptManySync, reencryptSync, seal, sealSync,
} from '../src/index.ts'
import { localKeyId } from '../src/local-wrap.ts'
import { record, setting, storeLike } from './branch-keys/support.ts'
import { codeOf, codeOfAsync, insecureKeyring, insecureWrapper, remoteWrapper } from './keys.ts'
import { overwritten } from './overwritten.ts'
import { hex, unhex } from './vectors.ts'

const keyring = insecureKeyring('a')
const context = { id: '1' }
const secret = 'the plaintext of a record'
const secretHex = Buffer.from(secret).toString('hex')
const isOf = ({ keyId }: StoredBranchKey) => (bytes: string): boolean => bytes.length === 64 && hex(localKeyId(unhex(bytes))) === hex(keyId)

describe('a plaintext that is sealed anew', () => {
  const envelope = sealSync(keyring, secret, context)

  test('is overwritten, alone and in a batch', async () => {
    const filled = overwritten()
    reencryptSync(keyring, envelope, context)
    expect(filled).toContain(secretHex)
    filled.length = 0
    await reencrypt(keyring, envelope, context)
    expect(filled).toContain(secretHex)
    filled.length = 0
    reencryptManySync(keyring, [{ envelope, context }])
    expect(filled).toContain(secretHex)
  })

  test('also where its new data key cannot be wrapped', async () => {
    const failing = { ...remoteWrapper('b'), wrap: () => Promise.reject(new Error('down')) }
    const filled = overwritten()
    const next = createKeyring({ active: failing, decryptOnly: [insecureWrapper('a')] })
    expect(await codeOfAsync(reencrypt(next, envelope, context))).toBe('ERR_KEY_UNAVAILABLE')
    expect(filled).toContain(secretHex)
  })
})

describe('the keys of a record', () => {
  test('are overwritten when it was sealed and opened: a data key and a body key each time', () => {
    const filled = overwritten()
    // a data key of 32 bytes, and the 64 that are derived from it: the commitment, which stays, and the body key
    const keysIn = (): Set<string> => new Set(filled.filter((bytes) => bytes.length === 64 || bytes.length === 128))
    const lengths = (keys: Set<string>): Set<number> => new Set([...keys].map((bytes) => bytes.length))
    const envelope = sealSync(keyring, secret, context)
    expect(lengths(keysIn())).toEqual(new Set([64, 128]))
    filled.length = 0
    openSync(keyring, envelope, context)
    const opened = keysIn()
    expect(lengths(opened)).toEqual(new Set([64, 128]))
    filled.length = 0
    expect(codeOf(() => openSync(keyring, envelope, { id: '2' }))).toBe('ERR_NOT_AUTHENTIC')
    expect(lengths(new Set([...keysIn()].filter((bytes) => opened.has(bytes))))).toEqual(new Set([64, 128]))
  })
})

describe('a branch key', () => {
  test('is overwritten when it is made, and when it is opened', async () => {
    const { store, open } = setting()
    const filled = overwritten()
    const envelope = await seal(open(), secret, record('7'))
    const [stored] = await store.versions('7')
    expect(filled.some(isOf(stored!))).toBe(true)
    filled.length = 0
    const elsewhere = open()
    await elsewhere.unlock(['7'])
    expect(filled.some(isOf(stored!))).toBe(true)
    expect(openSync(elsewhere, envelope, record('7')).length).toBe(secret.length)
  })

  test('also where it cannot be sealed, or turns out to be another', async () => {
    const { root, open, store } = setting()
    const filled = overwritten()
    root.fault = new Error('down')
    expect(await codeOfAsync(seal(open(), secret, record('7')))).toBe('ERR_KEY_UNAVAILABLE')
    expect(filled.filter((bytes) => bytes.length === 64).length).toBeGreaterThanOrEqual(1)
    root.fault = undefined
    await seal(open(), secret, record('7'))
    const [stored] = await store.versions('7')
    const lying = memoryBranchKeyStore()
    lying.insert({ ...stored!, keyId: new Uint8Array(12).fill(9) })
    filled.length = 0
    const cheated = setting(storeLike(() => lying)).open({ keyring: createKeyring({ active: root }) })
    expect(await codeOfAsync(seal(cheated, secret, record('7')))).toBe('ERR_BRANCH_KEY_STORE')
    expect(filled.some(isOf(stored!))).toBe(true)
  })
})
