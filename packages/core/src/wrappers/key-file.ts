import { closeSync, constants, fchmodSync, fsyncSync, linkSync, lstatSync, openSync, unlinkSync, writeFileSync, writeSync } from 'node:fs'
import { basename, dirname, extname, join, resolve } from 'node:path'
import { equalBytes, toHex, wipe } from '../bytes.ts'
import { generateDek } from '../cipher.ts'
import { KeyfoldError } from '../errors.ts'
import { isKeyName } from '../key-name.ts'
import { localKeyId, localKeyWrapper } from '../local-wrap.ts'
import { readSecretFile } from '../secret-file.ts'
import { syncFolder } from '../sync-folder.ts'
import type { SyncKeyWrapper } from '../types.ts'

const KEY_LENGTH = 32
/** 64 hex digits and a line end of Windows: no valid file is larger. */
const MAX_FILE_BYTES = 66
const BASE64 = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/'

/**
 * A key wrapper over a key file: 32 random bytes, raw, as 64 hex digits or as base64, with or without a final line end. The file must be a
 * regular one that only its owner (this user or root) can read; under /run/secrets and $CREDENTIALS_DIRECTORY mode 0440 and links of root are
 * accepted. It is read once, here. Needs no I/O afterwards, so the sync twins work with it.
 *
 * @param path the file; its name without the extension is the key's name, so `./keys/2026q4.key` is `key-file:2026q4`
 * @throws KeyfoldError ERR_KEY_FILE_MISSING, ERR_KEY_FILE_ACCESS, ERR_KEY_FILE_FORMAT, ERR_KEY_ID_INVALID
 * @example const keyring = createKeyring({ active: keyFile('./2026q4.key') }) // made by: openssl rand -hex 32 > 2026q4.key; chmod 600 2026q4.key
 */
export function keyFile(path: string): SyncKeyWrapper {
  const id = keyFileId(path)
  const kek = insecureReadKeyFile(path)
  try {
    return localKeyWrapper(id, kek)
  } finally {
    wipe(kek)
  }
}

/**
 * The key in a key file as bytes, to put it elsewhere: from an escrow into a keychain. INSECURE, as whoever has the bytes has the key; wipe them
 * (`fill(0)`) as soon as they are used. To seal and open, use `keyFile`.
 *
 * @param path the file, under the same rules as for `keyFile`
 * @returns 32 bytes
 * @throws KeyfoldError ERR_KEY_FILE_MISSING, ERR_KEY_FILE_ACCESS, ERR_KEY_FILE_FORMAT
 */
export function insecureReadKeyFile(path: string): Uint8Array {
  const content = readSecretFile(path, MAX_FILE_BYTES)
  try {
    return parseKeyFile(content, path)
  } finally {
    wipe(content)
  }
}

/** The id of the key in a key file: `key-file:` and the file's name without its extension. ERR_KEY_ID_INVALID for names that no id can have. */
export function keyFileId(path: string): string {
  if (typeof path !== 'string' || path === '' || path.includes('\0'))
    throw new KeyfoldError('ERR_KEY_ID_INVALID', 'a key file has a path, a text without zero bytes')
  const name = basename(path, extname(path))
  if (!isKeyName(name)) throw new KeyfoldError('ERR_KEY_ID_INVALID', 'the name of the key file cannot be the name of a key')
  return `key-file:${name}`
}

/**
 * Makes a key file with a key as hex, mode 600. The file appears whole or not at all, and never in place of another.
 *
 * @param key 32 bytes that are to stand in it, such as a key of which this file is the escrow; by default new ones from the random generator
 * @returns the id of the new key, `key-file:name`
 * @throws KeyfoldError ERR_KEY_FILE_EXISTS, ERR_KEY_FILE_ACCESS, ERR_KEY_ID_INVALID; ERR_ARGUMENT for a key of another length
 */
export function createKeyFile(path: string, key?: Uint8Array): string {
  const id = keyFileId(path)
  if (key !== undefined && key.length !== KEY_LENGTH)
    throw new KeyfoldError('ERR_ARGUMENT', `a key has ${KEY_LENGTH} bytes, got ${key.length}`)
  const target = resolve(path)
  const draft = join(dirname(target), `.${basename(target)}.${toHex(generateDek().subarray(0, 8))}.tmp`)
  // a copy, which `slice` of a Buffer would not be
  const kek = key === undefined ? generateDek() : Uint8Array.from(key)
  try {
    writeDraft(draft, kek)
    // A link, unlike a rename, never replaces what is there.
    linkSync(draft, target)
    syncFolder(dirname(target))
  } catch (error) {
    throw creationError(error as NodeJS.ErrnoException, path)
  } finally {
    wipe(kek)
    removeDraft(draft)
  }
  return id
}

function writeDraft(draft: string, kek: Uint8Array): void {
  const fd = openSync(draft, 'wx', 0o600)
  try {
    fchmodSync(fd, 0o600)
    // all of it, or an error: writeSync may write a part
    writeFileSync(fd, `${toHex(kek)}\n`)
    fsyncSync(fd)
  } finally {
    closeSync(fd)
  }
}

function removeDraft(draft: string): void {
  try {
    unlinkSync(draft)
  } catch {
    // It was never made.
  }
}

function creationError({ code }: NodeJS.ErrnoException, path: string): KeyfoldError {
  if (code === 'EEXIST') return new KeyfoldError('ERR_KEY_FILE_EXISTS', `${path} exists already`)
  return new KeyfoldError('ERR_KEY_FILE_ACCESS', `${path} cannot be written (${code})`, {
    hint: 'Check that the folder exists, that this user may write to it, and that the disk has room.',
  })
}

/**
 * Removes a key file for good: its bytes are overwritten with zeros, then the file is removed. Only the file that holds this very key. What a disk
 * or a file system keeps of the old bytes elsewhere (flash, snapshots, journals), and every copy, is out of reach.
 *
 * @param keyId the key's 12 bytes in envelopes
 * @returns false where there was no file: nothing to do
 * @throws KeyfoldError ERR_KEY_MISMATCH, nothing removed, where the file holds another key; ERR_KEY_FILE_ACCESS, ERR_KEY_FILE_FORMAT
 */
export function destroyKeyFile(path: string, keyId: Uint8Array): boolean {
  if (!isKeyFileOf(path, keyId)) return false
  const target = resolve(path)
  try {
    overwrite(target)
    unlinkSync(target)
    syncFolder(dirname(target))
    return true
  } catch (error) {
    throw new KeyfoldError('ERR_KEY_FILE_ACCESS', `${path} cannot be removed (${(error as NodeJS.ErrnoException).code})`, {
      hint: 'Check that this user may write to the file and its folder, and that it is not mounted read-only. Or remove it where it comes from.',
    })
  }
}

/**
 * Whether a key file is there, and holds the key of this id, or the zeros that `destroyKeyFile` writes before it removes it.
 *
 * @param keyId the key's 12 bytes in envelopes
 * @throws KeyfoldError ERR_KEY_MISMATCH where it holds another key; ERR_KEY_FILE_ACCESS, ERR_KEY_FILE_FORMAT
 */
export function isKeyFileOf(path: string, keyId: Uint8Array): boolean {
  if (lstatSync(path, { throwIfNoEntry: false }) === undefined) return false
  const content = readSecretFile(path, MAX_FILE_BYTES)
  // what a process left that was killed between the two steps
  if (content.every((byte) => byte === 0)) return true
  try {
    const kek = parseKeyFile(content, path)
    const same = equalBytes(localKeyId(kek), keyId)
    wipe(kek)
    if (same) return true
  } finally {
    wipe(content)
  }
  throw new KeyfoldError('ERR_KEY_MISMATCH', `${path} holds another key than the one that is to be removed`, {
    hint: 'Nothing was removed. Name the file of that very key.',
  })
}

/** In place: a new file would leave the old bytes where they are. A file that may only be read is removed all the same. */
function overwrite(target: string): void {
  const fd = openToOverwrite(target)
  if (fd === undefined) return
  try {
    writeSync(fd, new Uint8Array(lstatSync(target).size), 0)
    fsyncSync(fd)
  } finally {
    closeSync(fd)
  }
}

function openToOverwrite(target: string): number | undefined {
  try {
    return openSync(target, constants.O_WRONLY | (constants.O_NOFOLLOW ?? 0))
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EACCES') return undefined
    throw error
  }
}

/**
 * The key in a key file's bytes. Works on bytes throughout, since a string that held the key could not be wiped.
 *
 * @param path for the error's text alone
 * @throws KeyfoldError ERR_KEY_FILE_FORMAT
 */
export function parseKeyFile(content: Uint8Array, path: string): Uint8Array {
  const text = withoutLineEnd(content)
  const key =
    content.length === KEY_LENGTH ? rawKey(content) : text.length === 64 ? hexKey(text) : text.length === 44 ? base64Key(text) : undefined
  if (key === undefined) throw new KeyfoldError('ERR_KEY_FILE_FORMAT', `${path} does not hold a key in one of the three formats`)
  if (key.every((byte) => byte === key[0]))
    throw new KeyfoldError('ERR_KEY_FILE_FORMAT', `${path} holds the same byte 32 times, which is no key`)
  return key
}

function withoutLineEnd(content: Uint8Array): Uint8Array {
  let end = content.length
  if (content[end - 1] === 0x0a) end -= content[end - 2] === 0x0d ? 2 : 1
  return content.subarray(0, end)
}

/** 32 random bytes are never all printable (1 in 10^13): such a file is a passphrase or a hex key of half the length. */
function rawKey(content: Uint8Array): Uint8Array | undefined {
  return content.every((byte) => byte >= 0x20 && byte < 0x7f) ? undefined : content.slice()
}

function hexKey(text: Uint8Array): Uint8Array | undefined {
  const key = new Uint8Array(KEY_LENGTH)
  for (const [i, character] of text.entries()) {
    const digit = '0123456789abcdef'.indexOf(String.fromCharCode(character).toLowerCase())
    if (digit < 0) return undefined
    key[i >> 1]! |= i % 2 === 0 ? digit << 4 : digit
  }
  return key
}

/** Strict: the padding is there, and the two bits that 32 bytes leave over are zero. */
function base64Key(text: Uint8Array): Uint8Array | undefined {
  if (text[43] !== 0x3d) return undefined
  const key = new Uint8Array(KEY_LENGTH + 1)
  for (let i = 0; i < 43; i++) {
    const digit = BASE64.indexOf(String.fromCharCode(text[i]!))
    if (digit < 0) return undefined
    const bit = i * 6
    const pair = digit << (10 - (bit % 8))
    key[bit >> 3]! |= pair >> 8
    key[(bit >> 3) + 1]! |= pair & 0xff
  }
  return key[KEY_LENGTH] === 0 ? key.slice(0, KEY_LENGTH) : undefined
}
