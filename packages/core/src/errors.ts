/**
 * Every error code of Keyfold with the hint that goes with it. A code is stable: programs may branch on it, while message and hint may be
 * reworded. A message holds facts (sizes, key ids, names from the caller's own configuration), never a key, a plaintext or a raw value.
 */
const HINTS = {
  ERR_ARGUMENT: 'Correct the call; the docstring of the function names the shape and unit of each argument.',
  ERR_CONTEXT_INVALID: 'Pass a plain object of string pairs, such as { table: "users", column: "ssn", id: "42" }.',
  ERR_NOT_SEALED:
    'This value was never sealed by Keyfold. Seal it first; `kms-rotate plan` lists plaintext that is left in registered columns.',
  ERR_ENVELOPE_MALFORMED: 'The bytes are cut, extended or altered. Restore the value from a backup, and find out what stores or copies it.',
  ERR_ENVELOPE_VERSION: 'The value was written by another version of the format. Update Keyfold to a release that reads it.',
  ERR_ENVELOPE_SUITE: 'The value names a suite that this release does not know. Update Keyfold; a downgrade is never accepted.',
  ERR_ENVELOPE_FLAGS: 'The value has a flag that this release does not know. Update Keyfold to a release that reads it.',
  ERR_LIMIT: 'Stay within the limits that docs/format.md states; large payloads belong in a stream.',
  ERR_KEY_NOT_FOUND: 'Add the key that sealed this record to the keyring as decryptOnly, or open it with the keyring that holds it.',
  ERR_KEY_COMMITMENT:
    'The unwrapped data key is not the one that sealed this record: the wrapped key was exchanged or the commitment altered.',
  ERR_NOT_AUTHENTIC:
    'The record was altered, or was sealed under another encryption context (table, column, row id). Nothing was decrypted.',
  ERR_KEY_MISMATCH:
    'The key under this name is not the key that was registered under it. Restore the original key file, or give the new key a new name.',
  ERR_KEY_DENIED: 'The key service refused. Check the permissions of the caller on this key.',
  ERR_KEY_UNAVAILABLE: 'The key service could not be reached or is out of order. The record is intact: try again later.',
  ERR_KEY_THROTTLED: 'The key service takes fewer calls than are made. The record is intact: call less often, or have the quota raised.',
  ERR_KEY_DISABLED: 'The key is disabled in the key service. Enable it there, if nobody disabled it on purpose.',
  ERR_KEY_MISSING:
    'The key service has no key of this name. Check region, account and id. A deleted key does not come back, and neither do the records under it.',
  ERR_KEY_PENDING_DELETION:
    'The key is about to be deleted for good, and every record under it with it. Cancel the deletion and enable the key, unless that is meant.',
  ERR_KEY_SERVICE_RESPONSE:
    'The key service answered with what cannot be right, and the answer was not used. Find out what stands between this process and the service.',
  ERR_KEY_ID_INVALID:
    'A key id is `scheme:name`; a name has letters, digits, `.`, `_` and `-`, starts with a letter or digit, and has at most 128 characters.',
  ERR_KEY_FILE_MISSING: 'Check the path, or make the key with `kms-rotate keys create`.',
  ERR_KEY_FILE_EXISTS: 'A key file is never overwritten. Choose another name for the new key.',
  ERR_KEY_FILE_ACCESS: 'A key file is a regular file (no link), owned by this user or root, that only its owner can read: chmod 600 FILE.',
  ERR_KEY_FILE_FORMAT: 'A key file holds 32 random bytes, raw, as 64 hex digits or as base64: openssl rand -hex 32 > aes.key',
  ERR_BRANCH_KEY_LOCKED:
    'Before sync calls, `await keys.unlock([partition])`, and again before its time to live is over; or use the asynchronous call.',
  ERR_BRANCH_KEY_DESTROYED:
    'The key of this partition was destroyed on purpose. Its records cannot be read by anybody, and nothing new is sealed for it.',
  ERR_BRANCH_KEY_STORE: 'The branch key store gave what it was not given. Restore it from a backup, and find out who changed it.',
  ERR_KEY_TOO_OLD: 'The record is under a version of the key that is not accepted any more. Restore it under a newer one, or lower the minimum.',
  ERR_INTERRUPTED: 'The work was stopped as asked. Call it again: what is done stays done.',
  ERR_KEYCHAIN_LOCKED:
    'Unlock it: log in to the desktop, or open its password manager. Where nobody can, as on a server, use a key file; docs/keychain.md has more.',
  ERR_KEYCHAIN_UNAVAILABLE:
    'On a server without a desktop use a key file, or start the program under dbus-run-session with an unlocked gnome-keyring: docs/keychain.md.',
  ERR_KEYCHAIN_ENTRY_MISSING:
    'Check the name, and the backend: on Linux, keytar and @napi-rs/keyring do not see what the other keeps. A lost key comes back from its escrow.',
  ERR_KEYCHAIN_ENTRY_EXISTS: 'An entry is never overwritten. Choose another account for the new key.',
  ERR_KEYCHAIN_ENTRY_INVALID:
    'Restore the entry from its escrow, after a look at what wrote to it: kms-rotate keychain restore. It was left as it is.',
  ERR_KEYRING_INVALID: 'A keyring has one active key wrapper and any number of decrypt-only ones, each with an id of its own.',
  ERR_SYNC_UNSUPPORTED: 'This key needs I/O. Use the asynchronous call (`seal`, `open`) instead of its sync twin.',
  ERR_NOT_TEXT: 'The plaintext is not valid UTF-8. Use `open` to get its bytes.',
  ERR_STREAM_SOURCE: 'The source of the stream could not be read, or is shorter than it says. See the cause, and try again.',
  ERR_FIPS:
    'Start Node with a validated FIPS provider, in FIPS mode from the start (docs/fips.md). Nothing unapproved is used in its place.',
  ERR_RUNTIME: 'Keyfold needs Node 22.14 or newer. Install a supported Node release and try again.',
} as const satisfies Record<string, string>

/** The codes that `@keyfold/core` throws. */
export type CoreErrorCode = keyof typeof HINTS

export interface KeyfoldErrorOptions {
  /** What to do about it, in one or two sentences. Codes of core have a default. */
  hint?: string
  /** The error underneath. Must not hold a key or a plaintext. */
  cause?: unknown
}

/**
 * The one error type of every Keyfold package.
 *
 * @example
 * try { await open(keyring, envelope, context) }
 * catch (error) { if (error instanceof KeyfoldError && error.code === 'ERR_KEY_NOT_FOUND') … }
 */
export class KeyfoldError extends Error {
  /** Stable, `ERR_…`. */
  readonly code: string
  /** What to do about it. */
  readonly hint: string

  /**
   * @param code stable code; one of core's, or one that a package documents itself (which then passes its own hint)
   * @param fact what happened, without a key, a plaintext or a raw value
   */
  constructor(code: CoreErrorCode | (string & {}), fact: string, options: KeyfoldErrorOptions = {}) {
    super(fact, options.cause === undefined ? undefined : { cause: options.cause })
    this.name = 'KeyfoldError'
    this.code = code
    this.hint = options.hint ?? (Object.hasOwn(HINTS, code) ? HINTS[code as CoreErrorCode] : '')
  }
}

/** Whether `error` is a KeyfoldError with one of `codes` (any, if none is named). */
export function isKeyfoldError(error: unknown, ...codes: string[]): error is KeyfoldError {
  return error instanceof KeyfoldError && (codes.length === 0 || codes.includes(error.code))
}
