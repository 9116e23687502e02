/** What is done to a key file, call by call, and what is left of its key in memory. */
import { readdirSync, readFileSync } from 'node:fs'
import { basename, join } from 'node:path'
import { temporaryFolder } from '@keyfold/test-support'
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { createKeyFile, insecureReadKeyFile, keyFile } from '../../src/wrappers/key-file.ts'
import { codeOf } from '../keys.ts'
import { overwritten } from '../overwritten.ts'
import { calls, forgetCalls, hands, openFiles } from '../recorded-fs.ts'
import { hex } from '../vectors.ts'
import { key, keyFileOf } from './key-file-support.ts'

vi.mock('node:fs', async (original) => (await import('../recorded-fs.ts')).recorded(await original()))

beforeEach(forgetCalls)
afterEach(() => {
  forgetCalls()
  expect([...openFiles.values()]).toEqual([])
})

test('a new key is on the disk before it has its name, and its name before the key is used', () => {
  const folder = temporaryFolder()
  createKeyFile(join(folder, 'a.key'))
  const draft = calls[0]!.replace('open ', '')
  expect(draft).toMatch(/^\.a\.key\.[0-9a-f]{16}\.tmp$/)
  const within = basename(folder)
  expect(calls).toEqual([
    `open ${draft}`, `write ${draft}`, `fsync ${draft}`, `close ${draft}`,
    'link a.key', `open ${within}`, `fsync ${within}`, `close ${within}`, `unlink ${draft}`,
  ])
  expect(readdirSync(folder)).toEqual(['a.key'])
})

test('a key file is opened once, and closed', () => {
  const path = keyFileOf(key)
  forgetCalls()
  keyFile(path)
  expect(calls).toEqual(['open a.key', 'close a.key'])
})

describe('a disk', () => {
  test('that gives a few bytes at a time gives the same key', () => {
    const path = keyFileOf(hex(key))
    hands.read = (read, length) => read(Math.min(length, 5))
    expect(hex(insecureReadKeyFile(path))).toBe(hex(key))
  })

  test('that ends before the size of the file gives no key', () => {
    const path = keyFileOf(hex(key))
    hands.read = (read, length) => (length === 64 ? read(32) : 0)
    expect(codeOf(() => keyFile(path))).toBe('ERR_KEY_FILE_FORMAT')
  })
})

describe('what was a key is overwritten', () => {
  test('when its wrapper is made: the content of the file, and the key', () => {
    const path = keyFileOf(hex(key))
    const filled = overwritten()
    keyFile(path)
    expect(filled).toContain(hex(Buffer.from(hex(key))))
    expect(filled).toContain(hex(key))
  })

  test('also where the file holds none', () => {
    const path = keyFileOf(`${hex(key)}00`)
    const filled = overwritten()
    expect(codeOf(() => keyFile(path))).toBe('ERR_KEY_FILE_FORMAT')
    expect(filled).toContain(hex(Buffer.from(`${hex(key)}00`)))
  })

  test('when its file is made, and when that fails', () => {
    const path = join(temporaryFolder(), 'a.key')
    const filled = overwritten()
    createKeyFile(path)
    expect(filled).toContain(readFileSync(path, 'utf8').trim())
    filled.length = 0
    expect(codeOf(() => createKeyFile(path, key))).toBe('ERR_KEY_FILE_EXISTS')
    expect(filled).toContain(hex(key))
  })
})
