import { equalBytes, wipe } from '../bytes.ts'
import { DEK_LENGTH, generateDek } from '../cipher.ts'
import { KeyfoldError } from '../errors.ts'
import { localKeyId, localKeyWrapper } from '../local-wrap.ts'
import type { SyncBatchKeyWrapper } from '../types.ts'
import { encodeEntry, parseEntry } from './keychain-entry.ts'
import { parsePlace, placeId } from './keychain-place.ts'
import type { Entry, KeychainOptions } from './keychain-store.ts'
import { entryAt } from './keychain-store.ts'

export { localKeyId } from '../local-wrap.ts'
export type { KeychainBackend } from './keychain-place.ts'
export type { KeychainOptions, KeychainStore } from './keychain-store.ts'

/**
 * Opens a key of the operating system's keychain: macOS Keychain, Windows Credential Manager, or the Secret Service of a Linux desktop (GNOME
 * Keyring, KWallet, KeePassXC). The keychain is asked once, here; the wrapper needs no I/O afterwards, so the sync twins work with it. Never
 * makes a key, never falls back to another store, and on Linux never shows a prompt. Needs the package `@napi-rs/keyring` or `keytar`.
 *
 * @param place `service/account`, or the URI `keychain:service/account`, with `?backend=keytar` where keytar keeps the entry
 * @returns a wrapper with the id `keychain:service/account`
 * @throws KeyfoldError ERR_KEYCHAIN_LOCKED, at once; ERR_KEYCHAIN_UNAVAILABLE where there is no keychain or no answer in time; ERR_KEY_DENIED where
 *   it or the user refuses; ERR_KEYCHAIN_ENTRY_MISSING only where it is certain that there is none; ERR_KEYCHAIN_ENTRY_INVALID; ERR_KEY_ID_INVALID,
 *   ERR_ARGUMENT; ERR_RUNTIME where the package is missing
 * @example const keyring = createKeyring({ active: await keychain('payroll/2026q4') }) // made by: kms-rotate keys create keychain:payroll/2026q4
 */
export async function keychain(place: string, options: KeychainOptions = {}): Promise<SyncBatchKeyWrapper> {
  const kek = await insecureReadKeychainKey(place, options)
  try {
    return localKeyWrapper(keychainId(place), kek)
  } finally {
    wipe(kek)
  }
}

/** The id of the key at a place, `keychain:service/account`. Asks no keychain. ERR_KEY_ID_INVALID for what is no place. */
export function keychainId(place: string): string {
  return placeId(parsePlace(place))
}

/**
 * Makes a key of 32 random bytes in the keychain, never in place of another. A keychain is lost with its machine or its user account: make an
 * escrow first (`kms-rotate keys create` does), or use `importKeychainKey` with bytes that you keep elsewhere too.
 *
 * @param place as for `keychain`
 * @returns a wrapper over the new key
 * @throws KeyfoldError ERR_KEYCHAIN_ENTRY_EXISTS, and what `keychain` throws
 */
export async function createKeychainKey(place: string, options: KeychainOptions = {}): Promise<SyncBatchKeyWrapper> {
  const kek = generateDek()
  try {
    return await importKeychainKey(place, kek, options)
  } finally {
    wipe(kek)
  }
}

/**
 * Puts a key into the keychain: one from an escrow, after the machine was lost. Reads it back before it returns. An entry that is there already
 * is left as it is: with the same key that is fine, with anything else it is an error.
 *
 * @param place as for `keychain`
 * @param kek 32 bytes from a cryptographic random generator; not kept: the caller may wipe it afterwards
 * @returns a wrapper over the key
 * @throws KeyfoldError ERR_KEYCHAIN_ENTRY_EXISTS; ERR_ARGUMENT for what is no key; and what `keychain` throws
 */
export async function importKeychainKey(place: string, kek: Uint8Array, options: KeychainOptions = {}): Promise<SyncBatchKeyWrapper> {
  if (!(kek instanceof Uint8Array) || kek.length !== DEK_LENGTH || kek.every((byte) => byte === kek[0]))
    throw new KeyfoldError('ERR_ARGUMENT', `a key is a Uint8Array of ${DEK_LENGTH} random bytes`)
  const entry = await entryAt(place, options)
  const text = encodeEntry(kek)
  const before = await entry.get()
  if (before === undefined) await write(entry, text)
  else if (before !== text) throw exists(entry.id, 'has an entry already')
  return localKeyWrapper(entry.id, kek)
}

/**
 * The key in a keychain as bytes, to put it elsewhere: into an escrow, or into the other library's entry. INSECURE, as whoever has the bytes has
 * the key; wipe them (`fill(0)`) as soon as they are used. To seal and open, use `keychain`.
 *
 * @param place as for `keychain`
 * @returns 32 bytes
 * @throws KeyfoldError what `keychain` throws
 */
export async function insecureReadKeychainKey(place: string, options: KeychainOptions = {}): Promise<Uint8Array> {
  const entry = await entryAt(place, options)
  const text = await entry.get()
  if (text !== undefined) return parseEntry(text, entry.id)
  throw new KeyfoldError('ERR_KEYCHAIN_ENTRY_MISSING', `the keychain has no entry for ${entry.id}`)
}

/**
 * Removes a key from the keychain, for good as far as the keychain goes: only the entry that holds this very key. Escrows and other copies stay.
 *
 * @param place as for `keychain`
 * @param keyId the key's 12 bytes in envelopes
 * @returns false where there was no entry: nothing to do
 * @throws KeyfoldError ERR_KEY_MISMATCH, nothing removed, where the entry holds another key; and what `keychain` throws
 */
export async function destroyKeychainKey(place: string, keyId: Uint8Array, options: KeychainOptions = {}): Promise<boolean> {
  if (!(await isKeychainKeyOf(place, keyId, options))) return false
  const entry = await entryAt(place, options)
  await entry.delete()
  if ((await entry.get()) === undefined) return true
  throw new KeyfoldError('ERR_KEYCHAIN_UNAVAILABLE', `the keychain did not remove the entry of ${entry.id}`)
}

/**
 * Whether a keychain has an entry at a place, and it holds the key of this id.
 *
 * @throws KeyfoldError ERR_KEY_MISMATCH where it holds another key; and what `keychain` throws
 */
export async function isKeychainKeyOf(place: string, keyId: Uint8Array, options: KeychainOptions = {}): Promise<boolean> {
  const entry = await entryAt(place, options)
  const text = await entry.get()
  if (text === undefined) return false
  const kek = parseEntry(text, entry.id)
  const same = equalBytes(localKeyId(kek), keyId)
  wipe(kek)
  if (same) return true
  throw new KeyfoldError('ERR_KEY_MISMATCH', `${entry.id} holds another key than the one that is to be removed`, {
    hint: 'Nothing was removed. Find out who put another key there.',
  })
}

/** No keychain can write only where nothing is: what came in between is noticed afterwards, as far as it can be. */
async function write(entry: Entry, text: string): Promise<void> {
  await entry.set(text)
  const back = await entry.get()
  if (back === text) return
  if (back !== undefined && isKey(back, entry.id)) throw exists(entry.id, 'was given another key at the same moment')
  await entry.delete()
  throw new KeyfoldError('ERR_KEYCHAIN_UNAVAILABLE', `the keychain did not keep the entry of ${entry.id} as it was written`)
}

function isKey(text: string, id: string): boolean {
  try {
    wipe(parseEntry(text, id))
    return true
  } catch {
    return false
  }
}

function exists(id: string, fact: string): KeyfoldError {
  return new KeyfoldError('ERR_KEYCHAIN_ENTRY_EXISTS', `${id} ${fact}`)
}
