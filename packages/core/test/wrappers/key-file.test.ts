import { randomBytes } from 'node:crypto'
import {
  chmodSync,
  chownSync,
  lchownSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  statSync,
  symlinkSync,
  truncateSync,
} from 'node:fs'
import { join } from 'node:path'
import { requireOrSkip, temporaryFolder } from '@keyfold/test-support'
import { describe, expect, onTestFinished, test } from 'vitest'
import { createKeyring, openTextSync, sealSync } from '../../src/index.ts'
import { createKeyFile, insecureReadKeyFile, keyFile } from '../../src/wrappers/key-file.ts'
import { codeOf } from '../keys.ts'
import { hex } from '../vectors.ts'
import { key, keyFileOf, keyIdOf } from './key-file-support.ts'

const isRoot = process.geteuid?.() === 0


describe('formats', () => {
  test('raw, hex and base64 of one key are one key, with or without a line end', () => {
    const text = Buffer.from(key)
    const contents = [
      text,
      text.toString('hex'),
      `${text.toString('hex')}\n`,
      `${text.toString('hex')}\r\n`,
      text.toString('hex').toUpperCase(),
      text.toString('base64'),
      `${text.toString('base64')}\n`,
    ]
    expect(new Set(contents.map((content) => keyIdOf(keyFileOf(content)))).size).toBe(1)
  })

  test('another key under the same name has another id in the envelope', () => {
    expect(keyIdOf(keyFileOf(randomBytes(32)))).not.toBe(keyIdOf(keyFileOf(randomBytes(32))))
  })

  const bits = Buffer.from(key).toString('hex')
  const base64 = Buffer.from(key).toString('base64')
  test.each([
    ['odd hex', bits.slice(1)],
    ['hex of 16 bytes', bits.slice(32)],
    ['hex and a letter', `${bits.slice(1)}g`],
    ['hex with white space', ` ${bits}`],
    ['two line ends', `${bits}\n\n`],
    ['hex with 0x', `0x${bits.slice(2)}`],
    ['base64 without padding', base64.slice(0, -1)],
    ['base64 with stray bits', `${base64.slice(0, -2)}${String.fromCharCode(base64.charCodeAt(42) + 1)}=`],
    ['base64 with white space', `${base64.slice(0, 20)} ${base64.slice(21)}`],
    ['base64url', `${'-_'.repeat(21)}A=`],
    ['31 bytes', key.subarray(1)],
    ['33 bytes', Buffer.concat([key, Buffer.of(1)])],
    ['a passphrase of 32 characters', 'correct horse battery staple, 32'],
    ['hex of 16 bytes without line end', bits.slice(32)],
    ['JSON with a key twice', '{"k":"AA","k":"BB"}'],
    ['JSON', JSON.stringify({ kty: 'oct', k: 'AAAA' })],
    ['zeros', new Uint8Array(32)],
    ['zeros as hex', '0'.repeat(64)],
    ['PEM', '-----BEGIN PRIVATE KEY-----\n'],
  ])('abuse 17: %s is refused', (_name, content) => {
    expect(codeOf(() => keyFile(keyFileOf(content)))).toBe('ERR_KEY_FILE_FORMAT')
  })
})

describe('abuse 14: a file that others could have read or planted is refused', () => {
  test.each([0o644, 0o640, 0o660, 0o604, 0o611, 0o700 | 0o007])('abuse 14: mode %o', (mode) => {
    expect(codeOf(() => keyFile(keyFileOf(key, mode)))).toBe('ERR_KEY_FILE_ACCESS')
  })

  test.each([0o600, 0o400])('mode %o is accepted', (mode) => expect(keyFile(keyFileOf(key, mode)).id).toBe('key-file:a'))

  test('abuse 14: another owner', (context) => {
    requireOrSkip(context, isRoot, 'only root can give a file away')
    const path = keyFileOf(key)
    chownSync(path, 12_345, 12_345)
    expect(codeOf(() => keyFile(path))).toBe('ERR_KEY_FILE_ACCESS')
  })

  test('abuse 14: a symbolic link', () => {
    const path = keyFileOf(key)
    symlinkSync(path, join(path, '..', 'link.key'))
    expect(codeOf(() => keyFile(join(path, '..', 'link.key')))).toBe('ERR_KEY_FILE_ACCESS')
  })

  test('abuse 14: a directory', () => expect(codeOf(() => keyFile(temporaryFolder()))).toBe('ERR_KEY_FILE_ACCESS'))

  test('abuse 14: an empty file, a huge file', () => {
    expect(codeOf(() => keyFile(keyFileOf('')))).toBe('ERR_KEY_FILE_FORMAT')
    const path = keyFileOf(key)
    truncateSync(path, 2 ** 40) // sparse
    expect(codeOf(() => keyFile(path))).toBe('ERR_KEY_FILE_FORMAT')
  })

  test('abuse 14: /dev/null, a missing file', () => {
    expect(codeOf(() => keyFile('/dev/null'))).toBe('ERR_KEY_FILE_ACCESS')
    expect(codeOf(() => keyFile(join(temporaryFolder(), 'none.key')))).toBe('ERR_KEY_FILE_MISSING')
  })
})

describe('abuse 14: mounted secrets ($CREDENTIALS_DIRECTORY, as /run/secrets)', () => {
  function mountedFolder(): string {
    const folder = temporaryFolder()
    const before = process.env['CREDENTIALS_DIRECTORY']
    process.env['CREDENTIALS_DIRECTORY'] = folder
    onTestFinished(() => {
      if (before === undefined) delete process.env['CREDENTIALS_DIRECTORY']
      else process.env['CREDENTIALS_DIRECTORY'] = before
    })
    return folder
  }

  /** As the kubelet lays a secret out: key -> ..data/key, ..data -> ..2026_11_23, mode 0440. */
  function kubernetes(): string {
    const folder = mountedFolder()
    mkdirSync(join(folder, '..2026_11_23'))
    keyFileOf(key, 0o440, '2026q4.key', join(folder, '..2026_11_23'))
    symlinkSync('..2026_11_23', join(folder, '..data'))
    symlinkSync('..data/2026q4.key', join(folder, '2026q4.key'))
    return folder
  }

  test('links of root and mode 0440 are accepted', (context) => {
    requireOrSkip(context, isRoot, 'only root can make files of root')
    expect(keyFile(join(kubernetes(), '2026q4.key')).id).toBe('key-file:2026q4')
  })

  test('abuse 14: a link, a folder or a file of another user is refused', (context) => {
    requireOrSkip(context, isRoot, 'only root can give a file away')
    const linked = kubernetes()
    symlinkSync('2026q4.key', join(linked, 'planted.key'))
    lchownSync(join(linked, 'planted.key'), 12_345, 12_345)
    expect(codeOf(() => keyFile(join(linked, 'planted.key')))).toBe('ERR_KEY_FILE_ACCESS')
    const folder = kubernetes()
    chownSync(join(folder, '..2026_11_23'), 12_345, 12_345)
    expect(codeOf(() => keyFile(join(folder, '2026q4.key')))).toBe('ERR_KEY_FILE_ACCESS')
    const file = kubernetes()
    chownSync(join(file, '..2026_11_23', '2026q4.key'), 12_345, 12_345)
    expect(codeOf(() => keyFile(join(file, '2026q4.key')))).toBe('ERR_KEY_FILE_ACCESS')
  })

  test('abuse 14: a folder that everybody can write to is refused, unless it is sticky', (context) => {
    requireOrSkip(context, isRoot, 'only root can make folders of root')
    const folder = kubernetes()
    chmodSync(join(folder, '..2026_11_23'), 0o777)
    expect(codeOf(() => keyFile(join(folder, '2026q4.key')))).toBe('ERR_KEY_FILE_ACCESS')
    chmodSync(join(folder, '..2026_11_23'), 0o1777)
    expect(keyFile(join(folder, '2026q4.key')).id).toBe('key-file:2026q4')
  })

  test('abuse 14: mode 0444 is refused there too, and a loop of links ends', (context) => {
    requireOrSkip(context, isRoot, 'only root can make files of root')
    const folder = mountedFolder()
    expect(codeOf(() => keyFile(keyFileOf(key, 0o444, 'open.key', folder)))).toBe('ERR_KEY_FILE_ACCESS')
    symlinkSync('loop.key', join(folder, 'loop.key'))
    expect(codeOf(() => keyFile(join(folder, 'loop.key')))).toBe('ERR_KEY_FILE_ACCESS')
  })

  test('0440 is refused elsewhere', () => expect(codeOf(() => keyFile(keyFileOf(key, 0o440)))).toBe('ERR_KEY_FILE_ACCESS'))
})

describe('createKeyFile', () => {
  test('makes a key of mode 600 that works, and never replaces a file', () => {
    const path = join(temporaryFolder(), '2026q4.key')
    expect(createKeyFile(path)).toBe('key-file:2026q4')
    expect(statSync(path).mode & 0o777).toBe(0o600)
    const content = readFileSync(path, 'utf8')
    expect(content).toMatch(/^[0-9a-f]{64}\n$/)
    expect(codeOf(() => createKeyFile(path))).toBe('ERR_KEY_FILE_EXISTS')
    expect(readFileSync(path, 'utf8')).toBe(content)
    expect(keyFile(path).id).toBe('key-file:2026q4')
  })

  test('writes a given key, which stays as it was, and refuses one of another length', () => {
    const [folder, own] = [temporaryFolder(), Buffer.from(key)]
    createKeyFile(join(folder, 'a.key'), own)
    expect([hex(own), readFileSync(join(folder, 'a.key'), 'utf8')]).toEqual([hex(key), `${hex(key)}\n`])
    for (const wrong of [key.subarray(1), Buffer.concat([key, key])])
      expect(codeOf(() => createKeyFile(join(folder, 'b.key'), wrong))).toBe('ERR_ARGUMENT')
    expect(readdirSync(folder)).toEqual(['a.key'])
  })

  test('leaves no draft behind, and names what is wrong with the place', () => {
    const folder = temporaryFolder()
    createKeyFile(join(folder, 'a.key'))
    expect(codeOf(() => createKeyFile(join(folder, 'none', 'a.key')))).toBe('ERR_KEY_FILE_ACCESS')
    expect(readdirSync(folder)).toEqual(['a.key'])
  })
})

describe('abuse 18: key ids', () => {
  test.each([
    '../../x/..',
    '',
    '.',
    '..',
    '/',
    'a b.key',
    'ключ.key',
    '-rf.key',
    'a\nb.key',
    `${'k'.repeat(129)}.key`,
    'a\0b.key',
    '.hidden',
  ])('abuse 18: a file named %j gives no key', (name) => {
    expect(codeOf(() => keyFile(name))).toBe('ERR_KEY_ID_INVALID')
  })

  test('abuse 18: an envelope cannot name a file or an address: a key that the keyring lacks is not looked for', () => {
    const keyring = createKeyring({ active: keyFile(keyFileOf(key)) })
    const envelope = sealSync(keyring, 'x', {})
    envelope.set(new TextEncoder().encode('../../x\0file'), 6)
    expect(codeOf(() => openTextSync(keyring, envelope, {}))).toBe('ERR_KEY_NOT_FOUND')
  })
})

test('the bytes of a key file are read under the same rules as the key', () => {
  for (const content of [key, hex(key), `${Buffer.from(key).toString('base64')}\n`])
    expect(hex(insecureReadKeyFile(keyFileOf(content)))).toBe(hex(key))
  expect(codeOf(() => insecureReadKeyFile(keyFileOf(key, 0o644)))).toBe('ERR_KEY_FILE_ACCESS')
  expect(codeOf(() => insecureReadKeyFile(keyFileOf('x')))).toBe('ERR_KEY_FILE_FORMAT')
  expect(codeOf(() => insecureReadKeyFile(join(temporaryFolder(), 'none.key')))).toBe('ERR_KEY_FILE_MISSING')
})

test('a key file is read once: what happens to it later changes nothing', () => {
  const path = keyFileOf(key)
  const wrapper = keyFile(path)
  renameSync(path, `${path}.old`)
  const keyring = createKeyring({ active: wrapper })
  expect(openTextSync(keyring, sealSync(keyring, 'x', {}), {})).toBe('x')
})
