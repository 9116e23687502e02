import * as defaultBackend from '#backend'
import { equalBytes } from './bytes.ts'
import type { Backend } from './cipher.ts'
import { DEK_LENGTH } from './cipher.ts'
import { KeyfoldError } from './errors.ts'
import { KEY_ID_LENGTH, MATERIAL_ID_LENGTH } from './format.ts'
import type { SyncKeyWrapper, WrappedKey } from './types.ts'

const NO_MATERIAL = new Uint8Array(MATERIAL_ID_LENGTH)
const KEY_ID_LABEL = new TextEncoder().encode('keyfold key id v1')
/** KWP of 32 bytes: 8 more (RFC 5649, section 4.1). */
const WRAPPED_LENGTH = DEK_LENGTH + 8

/**
 * A key wrapper over a KEK of 32 bytes that this process holds: AES-256-KWP (SP 800-38F). Key files and keychains are built on it. The key
 * stays inside closures; nothing gives it out, and printing the wrapper shows its id alone.
 *
 * @param id `scheme:name`
 * @param kek 32 bytes; not kept: the caller may wipe it afterwards
 * @throws KeyfoldError ERR_ARGUMENT for a KEK of another length
 */
export function localKeyWrapper(id: string, kek: Uint8Array, backend: Backend = defaultBackend): SyncKeyWrapper {
  const kwp = backend.aesKwp(kek)
  const wrapSync = (dek: Uint8Array): WrappedKey => ({ materialId: NO_MATERIAL, bytes: kwp.wrap(dek) })
  const unwrapSync = ({ materialId, bytes }: WrappedKey): Uint8Array => {
    const ours = bytes.length === WRAPPED_LENGTH && equalBytes(materialId, NO_MATERIAL)
    const dek = ours ? kwp.unwrap(bytes) : undefined
    if (dek === undefined) throw new KeyfoldError('ERR_NOT_AUTHENTIC', `the wrapped data key was not made by ${id}`)
    return dek
  }
  return Object.freeze({
    id,
    keyId: localKeyId(kek, backend),
    wrapSync,
    unwrapSync,
    wrap: async (dek: Uint8Array) => wrapSync(dek),
    unwrap: async (wrapped: WrappedKey) => unwrapSync(wrapped),
  })
}

/** The id of a local key in an envelope: bound to its bytes, so that a changed file under an old name is another key. One-way. */
export function localKeyId(kek: Uint8Array, backend: Backend = defaultBackend): Uint8Array {
  return Uint8Array.from(backend.hmacSha256(kek, KEY_ID_LABEL).subarray(0, KEY_ID_LENGTH))
}
