/** Keys that are removed for good, wherever this machine holds them. */
import { existsSync, linkSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { temporaryFolder } from '@keyfold/test-support'
import { describe, expect, test } from 'vitest'
import { localKeyId } from '../../src/local-wrap.ts'
import { destroyKeyFile, isKeyFileOf } from '../../src/wrappers/key-file.ts'
import { encodeEntry } from '../../src/wrappers/keychain-entry.ts'
import { destroyKeychainKey, isKeychainKeyOf } from '../../src/wrappers/keychain.ts'
import { codeOf, codeOfAsync, insecureKey } from '../keys.ts'
import { key, keyFileOf } from './key-file-support.ts'

const keyId = localKeyId(key)
const other = insecureKey('another')

describe('a key file', () => {
  test('is overwritten and removed; removing it again finds nothing to do', () => {
    const file = keyFileOf(Buffer.from(key).toString('hex'))
    const name = join(temporaryFolder(), 'second name of the file')
    linkSync(file, name)
    expect([isKeyFileOf(file, keyId), destroyKeyFile(file, keyId), destroyKeyFile(file, keyId)]).toEqual([true, true, false])
    expect([existsSync(file), readFileSync(name).every((byte) => byte === 0)]).toEqual([false, true])
  })

  test('that is read-only is removed all the same', () => {
    const file = keyFileOf(key, 0o400)
    expect([destroyKeyFile(file, keyId), existsSync(file)]).toEqual([true, false])
  })

  test('with another key, or that is none, is left as it is', () => {
    const file = keyFileOf(other)
    expect(codeOf(() => destroyKeyFile(file, keyId))).toBe('ERR_KEY_MISMATCH')
    expect(Buffer.from(readFileSync(file))).toEqual(Buffer.from(other))
    const notes = keyFileOf('notes that somebody took here')
    expect(codeOf(() => destroyKeyFile(notes, keyId))).toBe('ERR_KEY_FILE_FORMAT')
    expect(readFileSync(notes, 'utf8')).toBe('notes that somebody took here')
  })

  test('abuse 14: behind a link is not followed', () => {
    const file = keyFileOf(key)
    const link = join(temporaryFolder(), 'link.key')
    symlinkSync(file, link)
    expect(codeOf(() => destroyKeyFile(link, keyId))).toBe('ERR_KEY_FILE_ACCESS')
    expect(Buffer.from(readFileSync(file))).toEqual(Buffer.from(key))
  })

  test('that a kill left overwritten is removed by the next call', () => {
    const file = keyFileOf(key)
    writeFileSync(file, new Uint8Array(32))
    expect([isKeyFileOf(file, keyId), destroyKeyFile(file, keyId), existsSync(file)]).toEqual([true, true, false])
  })
})

describe('an entry of a keychain', () => {
  function chain(text: string | undefined, keeps = false) {
    const state = { text }
    const backend = {
      get: () => state.text,
      set: () => undefined,
      delete: () => {
        if (!keeps) state.text = undefined
      },
    }
    return { state, backend }
  }

  test('is removed where it holds this very key', async () => {
    const { state, backend } = chain(encodeEntry(key))
    expect(await isKeychainKeyOf('payroll/q3', keyId, { backend })).toBe(true)
    expect(await destroyKeychainKey('payroll/q3', keyId, { backend })).toBe(true)
    expect([state.text, await destroyKeychainKey('payroll/q3', keyId, { backend })]).toEqual([undefined, false])
  })

  test('with another key stays, and one that the keychain does not let go of is an error', async () => {
    const { state, backend } = chain(encodeEntry(other))
    expect(await codeOfAsync(destroyKeychainKey('payroll/q3', keyId, { backend }))).toBe('ERR_KEY_MISMATCH')
    expect(state.text).toBe(encodeEntry(other))
    const stuck = chain(encodeEntry(key), true)
    expect(await codeOfAsync(destroyKeychainKey('payroll/q3', keyId, { backend: stuck.backend }))).toBe('ERR_KEYCHAIN_UNAVAILABLE')
  })
})
