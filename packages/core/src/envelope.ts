import { fromUtf8 } from './bytes.ts'
import type { KeySource, SyncKeySource } from './key-source.ts'
import type { SameForm, Sealed } from './record.ts'
import { inFormOf, openSteps, reencryptSteps, rewrapSteps, sealSteps } from './record.ts'
import { runAsync, runSync } from './steps.ts'
import type { EncryptionContext } from './types.ts'

/**
 * Seals one record: a fresh data key encrypts it, and the keyring's active key (and recovery keys) wrap the data key.
 *
 * @param plaintext text (stored as UTF-8) or bytes; at most 1 GiB
 * @param context what the record is, such as `{ table, column, id }`; the same pairs are needed to open it
 * @returns the envelope: 118 bytes more than the plaintext with one local key; `toText` gives its text form
 * @throws KeyfoldError ERR_CONTEXT_INVALID, ERR_ARGUMENT, ERR_LIMIT, or what the key wrapper throws (ERR_KEY_DENIED, ERR_KEY_UNAVAILABLE)
 * @example const envelope = await seal(keyring, '078-05-1120', { table: 'users', column: 'ssn', id: '42' })
 */
export function seal(keys: KeySource, plaintext: string | Uint8Array, context: EncryptionContext): Promise<Uint8Array> {
  return runAsync(sealSteps(keys, plaintext, context))
}

/** As `seal`, at once: for keyrings whose sealing keys need no I/O. */
export function sealSync(keys: SyncKeySource, plaintext: string | Uint8Array, context: EncryptionContext): Uint8Array {
  return runSync(sealSteps(keys, plaintext, context))
}

/**
 * Opens one record. Nothing of it is given out before all of it is authentic.
 *
 * @param envelope its bytes or its text form
 * @param context the pairs that it was sealed with
 * @throws KeyfoldError ERR_NOT_SEALED and ERR_ENVELOPE_… for what is no intact envelope; ERR_KEY_NOT_FOUND where the keyring lacks its key;
 *   ERR_KEY_COMMITMENT for a wrong data key; ERR_NOT_AUTHENTIC for an altered record or another context; ERR_KEY_DENIED, ERR_KEY_UNAVAILABLE
 */
export function open(keys: KeySource, envelope: Sealed, context: EncryptionContext): Promise<Uint8Array> {
  return runAsync(openSteps(keys, envelope, context))
}

/** As `open`, at once; ERR_SYNC_UNSUPPORTED where the record's key needs I/O. */
export function openSync(keys: SyncKeySource, envelope: Sealed, context: EncryptionContext): Uint8Array {
  return runSync(openSteps(keys, envelope, context))
}

/** As `open`, for text; ERR_NOT_TEXT where the plaintext is not UTF-8. */
export async function openText(keys: KeySource, envelope: Sealed, context: EncryptionContext): Promise<string> {
  return fromUtf8(await open(keys, envelope, context))
}

/** As `openText`, at once. */
export function openTextSync(keys: SyncKeySource, envelope: Sealed, context: EncryptionContext): string {
  return fromUtf8(openSync(keys, envelope, context))
}

export interface RewrapOptions {
  /**
   * Lets the key service move the wrapped data key by itself where it can (AWS KMS: ReEncrypt), so that this process never sees it, and needs no
   * permission to unwrap. That holds for a record of one entry, from one key of the service to another; any other record is rewrapped as without it.
   * The commitment stays unchecked there: a record that did not open before does not open afterwards, and this call does not say so; `open` does.
   * False by default.
   */
  readonly within?: boolean
}

/**
 * Puts the record's data key under the keyring's active key: rotation's step. The body's bytes do not change, and are not opened: the
 * commitment shows that the data key is the record's own. Entries of keys that this keyring does not hold stay.
 *
 * @param options `{ within: true }` where the data key shall stay inside of the key service; by default this process unwraps, checks and wraps it
 * @returns the envelope in the form that it was given
 * @throws KeyfoldError as `open`, but for what only the body tells
 * @example const moved = await rewrap(createKeyring({ active: awsKms(arnQ4), decryptOnly: [awsKms(arnQ3)] }), envelope, context, { within: true })
 */
export async function rewrap<E extends Sealed>(
  keys: KeySource,
  envelope: E,
  context: EncryptionContext,
  options: RewrapOptions = {},
): Promise<SameForm<E>> {
  return inFormOf(envelope, await runAsync(rewrapSteps(keys, envelope, context, options.within)))
}

/** As `rewrap`, at once. */
export function rewrapSync<E extends Sealed>(keys: SyncKeySource, envelope: E, context: EncryptionContext): SameForm<E> {
  return inFormOf(envelope, runSync(rewrapSteps(keys, envelope, context)))
}

/**
 * Opens the record and seals it anew, with a new data key: what a compromised key asks for. Entries of keys that this keyring does not hold
 * cannot be carried over.
 *
 * @returns the envelope in the form that it was given
 * @throws KeyfoldError as `open`
 */
export async function reencrypt<E extends Sealed>(keys: KeySource, envelope: E, context: EncryptionContext): Promise<SameForm<E>> {
  return inFormOf(envelope, await runAsync(reencryptSteps(keys, envelope, context)))
}

/** As `reencrypt`, at once. */
export function reencryptSync<E extends Sealed>(keys: SyncKeySource, envelope: E, context: EncryptionContext): SameForm<E> {
  return inFormOf(envelope, runSync(reencryptSteps(keys, envelope, context)))
}
