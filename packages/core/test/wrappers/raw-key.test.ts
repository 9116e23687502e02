import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { inspect } from 'node:util'
import { temporaryFolder } from '@keyfold/test-support'
import { describe, expect, test } from 'vitest'
import { createKeyring, openTextSync, sealSync } from '../../src/index.ts'
import { testKeyWrapper } from '../../src/testing.ts'
import { keyFile } from '../../src/wrappers/key-file.ts'
import { insecureRawKey } from '../../src/wrappers/raw-key.ts'
import { codeOf, insecureKey } from '../keys.ts'

const key = insecureKey('raw')

describe('conformance', () => {
  testKeyWrapper({ test, wrapper: () => insecureRawKey('a', key), other: () => insecureRawKey('b', insecureKey('another')) })
})

test('it is the key that a key file of the same bytes is', () => {
  const path = join(temporaryFolder(), 'a.key')
  writeFileSync(path, key, { mode: 0o600 })
  const [raw, file] = [insecureRawKey('2026q4', key), keyFile(path)]
  expect(raw.id).toBe('raw-key:2026q4')
  expect(raw.keyId).toEqual(file.keyId)
  const envelope = sealSync(createKeyring({ active: file }), 'one key, two places', { id: '1' })
  expect(openTextSync(createKeyring({ active: raw }), envelope, { id: '1' })).toBe('one key, two places')
})

test('the bytes are copied, and left as they are: the caller may wipe them', () => {
  const mine = key.slice()
  const wrapper = insecureRawKey('a', mine)
  expect(mine).toEqual(key)
  mine.fill(0)
  const envelope = sealSync(createKeyring({ active: wrapper }), 'x', {})
  expect(openTextSync(createKeyring({ active: insecureRawKey('b', key) }), envelope, {})).toBe('x')
})

test.each([
  ['31 bytes', key.subarray(1)],
  ['33 bytes', new Uint8Array(33).fill(1, 1)],
  ['16 bytes', key.subarray(16)],
  ['no bytes', new Uint8Array(0)],
  ['zeros', new Uint8Array(32)],
  ['one byte 32 times', new Uint8Array(32).fill(0xa5)],
  ['text', 'correct horse battery staple, 32'],
  ['an array', [...key]],
  ['an ArrayBuffer', key.slice().buffer],
  ['nothing', undefined],
])('%s is refused as a key', (_name, value) => {
  expect(codeOf(() => insecureRawKey('a', value as Uint8Array))).toBe('ERR_ARGUMENT')
})

test.each([0, 31, 33])('the fact names the length: %i', (length) => {
  expect(() => insecureRawKey('a', new Uint8Array(length))).toThrow(`a raw key has 32 bytes, got ${length}`)
})

test.each(['', '.hidden', '-x', 'a b', 'a/b', '../a', 'a:b', 'ä', 'a\n', 'a'.repeat(129), 7, undefined, ['a']])(
  'abuse 18: %j is refused as a name, before the key is looked at',
  (name) => {
    expect(codeOf(() => insecureRawKey(name as string, new Uint8Array(1)))).toBe('ERR_KEY_ID_INVALID')
  },
)

test.each(['a', '2026q4', 'A.b_c-9', 'a'.repeat(128)])('%s is a name', (name) => {
  expect(insecureRawKey(name, key).id).toBe(`raw-key:${name}`)
})

test('abuse 13: what refuses a key shows nothing of it', () => {
  for (const value of ['correct horse battery staple, 32', key.subarray(1), [...key]]) {
    try {
      insecureRawKey('a', value as Uint8Array)
      expect.fail('should throw')
    } catch (error) {
      expect(inspect(error, { showHidden: true, depth: Infinity })).not.toMatch(/horse|\d+, \d+, \d+/)
    }
  }
})
