import * as defaultBackend from '#backend'
import { equalBytes } from './bytes.ts'
import type { Backend } from './cipher.ts'
import { DEK_LENGTH } from './cipher.ts'
import { KeyfoldError } from './errors.ts'
import { KEY_ID_LENGTH, MATERIAL_ID_LENGTH, WrappedEntry } from './format.ts'
import { FreshDek, keepFresh } from './fresh-deks.ts'
import type { CanonicalContext, SyncBatchKeyWrapper, WrappedKey } from './types.ts'

const NO_MATERIAL = new Uint8Array(MATERIAL_ID_LENGTH)
const KEY_ID_LABEL = new TextEncoder().encode('keyfold key id v1')
/** KWP of 32 bytes: 8 more (RFC 5649, section 4.1). */
const WRAPPED_LENGTH = DEK_LENGTH + 8

/**
 * A key wrapper over a KEK of 32 bytes that this process holds: AES-256-KWP (SP 800-38F). Key files and keychains are built on it. The key
 * stays inside closures; nothing gives it out, and printing the wrapper shows its id alone. Needs no I/O, and does batches in a few calls.
 *
 * @param id `scheme:name`
 * @param kek 32 bytes; not kept: the caller may wipe it afterwards
 * @throws KeyfoldError ERR_ARGUMENT for a KEK of another length
 */
export function localKeyWrapper(id: string, kek: Uint8Array, backend: Backend = defaultBackend): SyncBatchKeyWrapper {
  const kwp = backend.aesKwp(kek)
  const notOurs = (): KeyfoldError => new KeyfoldError('ERR_NOT_AUTHENTIC', `the wrapped data key was not made by ${id}`)
  const wrapSync = (dek: Uint8Array): WrappedKey => new LocallyWrapped(kwp.wrap(dek))
  const unwrapSync = (wrapped: WrappedKey): Uint8Array => {
    const dek = hasOurForm(wrapped) ? kwp.unwrap(wrapped.bytes) : undefined
    if (dek === undefined) throw notOurs()
    return dek
  }
  const wrapManySync = (deks: readonly Uint8Array[], contexts: readonly CanonicalContext[]): WrappedKey[] => {
    checkCounts(deks, contexts)
    return kwp.wrapMany(deks).map((bytes) => new LocallyWrapped(bytes))
  }
  const unwrapManySync = (wraps: readonly WrappedKey[], contexts: readonly CanonicalContext[]): Array<Uint8Array | Error> => {
    checkCounts(wraps, contexts)
    const deks = kwp.unwrapMany(wraps.filter(hasOurForm).map(({ bytes }) => bytes)).values()
    return wraps.map((wrapped) => (hasOurForm(wrapped) ? deks.next().value : undefined) ?? notOurs())
  }
  const keyId = localKeyId(kek, backend)
  const wrapper: SyncBatchKeyWrapper = Object.freeze({
    id,
    keyId,
    wrapSync,
    unwrapSync,
    wrapManySync,
    unwrapManySync,
    wrap: async (dek: Uint8Array) => wrapSync(dek),
    unwrap: async (wrapped: WrappedKey) => unwrapSync(wrapped),
    wrapMany: async (...batch: Parameters<typeof wrapManySync>) => wrapManySync(...batch),
    unwrapMany: async (...batch: Parameters<typeof unwrapManySync>) => unwrapManySync(...batch),
  })
  keepFresh(wrapper, (count) => {
    const deks = Array.from({ length: count }, () => backend.randomBytes(DEK_LENGTH))
    return kwp.wrapMany(deks).map((wrapped, i) => new FreshDek(deks[i]!, new WrappedEntry(keyId, NO_MATERIAL, wrapped)))
  })
  return wrapper
}

/** A class, not a literal: see format.ts. */
class LocallyWrapped implements WrappedKey {
  readonly materialId = NO_MATERIAL
  readonly bytes: Uint8Array

  constructor(bytes: Uint8Array) {
    this.bytes = bytes
  }
}

function hasOurForm({ materialId, bytes }: WrappedKey): boolean {
  return bytes.length === WRAPPED_LENGTH && equalBytes(materialId, NO_MATERIAL)
}

/** The wrap binds no context, but a caller whose lists do not fit each other has mixed up something. */
function checkCounts(keys: readonly unknown[], contexts: readonly unknown[]): void {
  if (keys.length === contexts.length) return
  throw new KeyfoldError('ERR_ARGUMENT', `a batch has a context for each key, got ${keys.length} keys and ${contexts.length} contexts`)
}

/**
 * The id of a local key in an envelope: bound to its bytes, so that a changed file under an old name is another key. One-way.
 *
 * @param kek 32 bytes
 * @returns 12 bytes: the `keyId` of a wrapper over this key
 */
export function localKeyId(kek: Uint8Array, backend: Backend = defaultBackend): Uint8Array {
  return Uint8Array.from(backend.hmacSha256(kek, KEY_ID_LABEL).subarray(0, KEY_ID_LENGTH))
}
