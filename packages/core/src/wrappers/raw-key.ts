import { DEK_LENGTH } from '../cipher.ts'
import { KeyfoldError } from '../errors.ts'
import { isKeyName } from '../key-name.ts'
import { localKeyWrapper } from '../local-wrap.ts'
import type { SyncBatchKeyWrapper } from '../types.ts'

/**
 * A key wrapper over a key that the caller already holds as bytes: for browsers and edge runtimes, which have no key file and no keychain, and
 * for tests. INSECURE, as nothing is known of where the bytes come from, who else has them, and how long they stay in memory: whatever code
 * runs in the page or process can have read them before. Where a key file, a keychain or a key service can be used, use that. Needs no I/O, so
 * the sync twins work with it. docs/runtimes.md says where a browser may get a key from.
 *
 * @param name the key's name; `2026q4` becomes the id `raw-key:2026q4`
 * @param key 32 bytes from a cryptographic random generator or a key derivation, never a passphrase; copied, so that the caller may wipe it
 * @returns a wrapper that nothing gets the key out of, and that opens what a key file of the same 32 bytes has sealed
 * @throws KeyfoldError ERR_KEY_ID_INVALID for a name that no id can have; ERR_ARGUMENT for what is not 32 bytes, or one byte 32 times
 * @example const keyring = createKeyring({ active: insecureRawKey('2026q4', new Uint8Array(await answer.arrayBuffer())) })
 */
export function insecureRawKey(name: string, key: Uint8Array): SyncBatchKeyWrapper {
  if (!isKeyName(name)) throw new KeyfoldError('ERR_KEY_ID_INVALID', 'the name of the raw key cannot be the name of a key')
  if (!(key instanceof Uint8Array)) throw new KeyfoldError('ERR_ARGUMENT', 'a raw key is a Uint8Array')
  if (key.length !== DEK_LENGTH) throw new KeyfoldError('ERR_ARGUMENT', `a raw key has ${DEK_LENGTH} bytes, got ${key.length}`)
  if (key.every((byte) => byte === key[0])) throw new KeyfoldError('ERR_ARGUMENT', 'a raw key that is the same byte 32 times is no key')
  return localKeyWrapper(`raw-key:${name}`, key)
}
