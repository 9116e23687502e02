/** What a key file is refused for, in words, and what is left open afterwards: nothing. */
import { chownSync, existsSync, mkdirSync, readdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { requireOrSkip, temporaryFolder } from '@keyfold/test-support'
import { describe, expect, onTestFinished, test, vi } from 'vitest'
import { createKeyFile, insecureReadKeyFile, keyFile, keyFileId } from '../../src/wrappers/key-file.ts'
import { codeOf } from '../keys.ts'
import { hex } from '../vectors.ts'
import { key, keyFileOf, keyIdOf } from './key-file-support.ts'

const isRoot = process.geteuid?.() === 0

/** Code, fact and hint of the error of a call, with `PATH` in the place of a path. */
function errorOf(call: () => unknown, path: string): { code: string | undefined; fact: string; hint: string } {
  const code = codeOf(call)
  try {
    call()
    throw new Error('it was accepted')
  } catch (error) {
    const { message, hint } = error as Error & { hint: string }
    return { code, fact: message.replaceAll(path, 'PATH'), hint }
  }
}
const factOf = (path: string): string => errorOf(() => keyFile(path), path).fact

describe('a key file is refused for what it is', () => {
  test.each([
    [0o644, 'the key file PATH is refused: its mode is 0644, others than its owner have access'],
    [0o610, 'the key file PATH is refused: its mode is 0610, others than its owner have access'],
    [0o407, 'the key file PATH is refused: its mode is 0407, others than its owner have access'],
  ])('abuse 14: its mode, %o', (mode, fact) => expect(factOf(keyFileOf(key, mode))).toBe(fact))

  test('abuse 14: another owner', (context) => {
    requireOrSkip(context, isRoot, 'only root can give a file away')
    const path = keyFileOf(key)
    chownSync(path, 12_345, 12_345)
    expect(factOf(path)).toBe('the key file PATH is refused: another user owns it')
  })

  test('abuse 14: its kind', () => {
    const folder = temporaryFolder()
    mkdirSync(join(folder, 'sub'))
    symlinkSync('sub', join(folder, 'link'))
    expect(factOf(join(folder, 'sub'))).toBe('the key file PATH is refused: it is a directory')
    expect(factOf(join(folder, 'link'))).toBe('the key file PATH is refused: it is a symbolic link')
    expect(factOf('/dev/null')).toBe('the key file PATH is refused: it is not a regular file')
  })

  test('what the system says, where it says something else', () => {
    const path = join(temporaryFolder(), 'x'.repeat(300), 'a.key')
    expect(factOf(path)).toBe('the key file PATH is refused: it cannot be opened (ENAMETOOLONG)')
  })

  test('a missing file or folder, and a file in the place of a folder', () => {
    const path = keyFileOf(key)
    for (const missing of [join(path, '..', 'b.key'), join(path, '..', 'none', 'a.key'), join(path, 'a.key')]) {
      expect(errorOf(() => keyFile(missing), missing)).toMatchObject({ code: 'ERR_KEY_FILE_MISSING', fact: 'there is no file PATH' })
    }
  })

  test('abuse 17: its size and its content', () => {
    expect(factOf(keyFileOf(''))).toBe('PATH is empty')
    expect(factOf(keyFileOf('x'.repeat(67)))).toBe('PATH has 67 bytes, a key file at most 66')
    expect(factOf(keyFileOf('x'.repeat(66)))).toBe('PATH does not hold a key in one of the three formats')
    expect(factOf(keyFileOf(new Uint8Array(32).fill(9)))).toBe('PATH holds the same byte 32 times, which is no key')
  })

  test('a path that is none, a name that no key can have', () => {
    for (const path of ['', 'a\0.key', undefined, 42, null]) {
      expect(errorOf(() => keyFileId(path as string), 'none')).toMatchObject({
        code: 'ERR_KEY_ID_INVALID',
        fact: 'a key file has a path, a text without zero bytes',
      })
    }
    expect(errorOf(() => keyFileId('a b.key'), 'none').fact).toBe('the name of the key file cannot be the name of a key')
    expect(keyFileId(`/k/${'k'.repeat(128)}.key`)).toBe(`key-file:${'k'.repeat(128)}`)
    expect(keyFileId('2026.q4-a_b.key')).toBe('key-file:2026.q4-a_b')
  })
})

describe('a raw key and a passphrase', () => {
  const text = 'correct horse battery staple, 32'
  test.each([
    [0x1f, true],
    [0x20, false],
    [0x7e, false],
    [0x7f, true],
    [0xff, true],
  ])('31 printable bytes and 0x%s: taken as a key: %s', (byte, taken) => {
    const path = keyFileOf(Buffer.from(text).fill(byte, 31))
    expect(codeOf(() => keyFile(path))).toBe(taken ? undefined : 'ERR_KEY_FILE_FORMAT')
  })
})

describe('the folder of mounted secrets', () => {
  test.each(['', undefined])('abuse 14: $CREDENTIALS_DIRECTORY of %j is no folder', (value) => {
    const path = keyFileOf(key, 0o440)
    vi.stubEnv('CREDENTIALS_DIRECTORY', value)
    vi.spyOn(process, 'cwd').mockReturnValue(join(path, '..'))
    onTestFinished(() => {
      vi.unstubAllEnvs()
      vi.restoreAllMocks()
    })
    expect(codeOf(() => keyFile(path))).toBe('ERR_KEY_FILE_ACCESS')
  })

  test('ends at its name, says what is missing and follows 40 links', (context) => {
    requireOrSkip(context, isRoot, 'only root can make links of root')
    const folder = temporaryFolder()
    onTestFinished(() => void vi.unstubAllEnvs())
    vi.stubEnv('CREDENTIALS_DIRECTORY', join(folder, 'cred'))
    for (const name of ['cred', 'credentials']) {
      mkdirSync(join(folder, name))
      keyFileOf(key, 0o440, '0.key', join(folder, name))
    }
    expect(codeOf(() => keyFile(join(folder, 'cred', '0.key')))).toBeUndefined()
    expect(codeOf(() => keyFile(join(folder, 'credentials', '0.key')))).toBe('ERR_KEY_FILE_ACCESS')
    const at = (name: string | number): string => join(folder, 'cred', `${name}.key`)
    expect(errorOf(() => keyFile(at('none')), at('none'))).toMatchObject({ code: 'ERR_KEY_FILE_MISSING', fact: 'there is no file PATH' })
    for (let i = 1; i <= 41; i++) symlinkSync(`${i - 1}.key`, at(i))
    expect(codeOf(() => keyFile(at(40)))).toBeUndefined()
    expect(factOf(at(41))).toBe('the key file PATH is refused: it lies behind too many links')
    symlinkSync(join(folder, 'credentials', '0.key'), at('absolute'))
    expect(keyIdOf(at('absolute'))).toBe(keyIdOf(at(0)))
    chownSync(join(folder, 'cred'), 12_345, 12_345)
    expect(factOf(at(0))).toBe('the key file PATH is refused: it lies in a folder that others than root can change')
  })
})

describe('Windows, where nothing has a mode and no folder is opened', () => {
  test('a key file is read and made all the same', () => {
    const { platform } = process
    onTestFinished(() => void Object.defineProperty(process, 'platform', { value: platform }))
    const path = keyFileOf(key, 0o644)
    expect(codeOf(() => keyFile(path))).toBe('ERR_KEY_FILE_ACCESS')
    Object.defineProperty(process, 'platform', { value: 'win32' })
    expect(keyFile(path).id).toBe('key-file:a')
    expect(codeOf(() => keyFile(join(path, '..')))).toBe('ERR_KEY_FILE_ACCESS')
    expect(createKeyFile(join(path, '..', 'b.key'))).toBe('key-file:b')
  })
})

describe('making a key file', () => {
  test('says what is in its place, and what to see to where it cannot be written', () => {
    const path = keyFileOf(key)
    expect(errorOf(() => createKeyFile(path), path)).toMatchObject({ code: 'ERR_KEY_FILE_EXISTS', fact: 'PATH exists already' })
    expect(keyIdOf(path)).toBe(keyIdOf(keyFileOf(key)))
    const nowhere = join(path, '..', 'none', 'a.key')
    expect(errorOf(() => createKeyFile(nowhere), nowhere)).toEqual({
      code: 'ERR_KEY_FILE_ACCESS',
      fact: 'PATH cannot be written (ENOENT)',
      hint: 'Check that the folder exists, that this user may write to it, and that the disk has room.',
    })
    expect(readdirSync(join(path, '..'))).toEqual(['a.key'])
  })

  test('gives another key each time', () => {
    const folder = temporaryFolder()
    for (const name of ['a', 'b']) createKeyFile(join(folder, `${name}.key`))
    expect(readFileSync(join(folder, 'a.key'), 'utf8')).not.toBe(readFileSync(join(folder, 'b.key'), 'utf8'))
  })
})

test('every digit of base64 and hex is read as what it stands for', () => {
  const bytes = Buffer.from(Array.from({ length: 64 }, (_, i) => [i << 2, 0, i]).flat())
  for (let at = 0; at + 32 <= bytes.length; at += 32) {
    const odd = bytes.subarray(at, at + 32)
    for (const text of [odd.toString('base64'), odd.toString('hex'), odd.toString('hex').toUpperCase()])
      expect(hex(insecureReadKeyFile(keyFileOf(text)))).toBe(odd.toString('hex'))
  }
})

test('no descriptor stays open, whatever the calls end with', (context) => {
  requireOrSkip(context, existsSync('/proc/self/fd'), 'only Linux lists the descriptors of a process')
  const folder = temporaryFolder()
  writeFileSync(join(folder, 'open.key'), key, { mode: 0o644 })
  const good = keyFileOf(key)
  const open = (): number => readdirSync('/proc/self/fd').length
  const before = open()
  for (let i = 0; i < 40; i++) {
    keyFile(good)
    codeOf(() => keyFile(join(folder, 'open.key')))
    createKeyFile(join(folder, `${i}.key`))
    codeOf(() => createKeyFile(join(folder, `${i}.key`)))
  }
  expect(open()).toBeLessThan(before + 20)
})
