/** The least that an envelope's key must be: records under an older key, or an older material of one, are refused before any key is called. */
import { toHex } from './bytes.ts'
import { KeyfoldError } from './errors.ts'
import { MATERIAL_ID_LENGTH } from './format.ts'
import { assertCount, isBatchKeyWrapper } from './key-batch.ts'
import type { BatchKeyWrapper, KeyWrapper, SyncKeyWrapper, WrappedKey } from './types.ts'

const MATERIAL_ID = /^[0-9a-f]{12}$/
const NO_MATERIAL = '0'.repeat(MATERIAL_ID_LENGTH * 2)

/**
 * Stands in a keyring for a key that is below the minimum: records under it are refused with ERR_KEY_TOO_OLD, and the key is never called. Without
 * it they would end in ERR_KEY_NOT_FOUND, which may as well be a keyring that lacks something. So an old envelope that somebody puts back under a
 * key that leaked is told from a mistake. Rotation runs with a keyring that still holds the key itself.
 *
 * @param key the key's id and key id; the key itself need not exist any more
 * @example const keyring = createKeyring({ active: keyFile('./2026q4.key'), decryptOnly: [tooOld(keyFile('./2026q1.key'))] })
 */
export function tooOld({ id, keyId }: Pick<KeyWrapper, 'id' | 'keyId'>): SyncKeyWrapper {
  const refuse = (): never => {
    throw refused(id, 'is not accepted any more')
  }
  const refuseLater = async (): Promise<never> => refuse()
  return Object.freeze({ id, keyId, wrap: refuseLater, unwrap: refuseLater, wrapSync: refuse, unwrapSync: refuse })
}

/**
 * A key wrapper that refuses data keys which an old material of its key wrapped: a key service that rotates a key in its place (AWS KMS, Vault)
 * keeps every material for good, and this sets a minimum. Nothing is called for them. The wrapper's other abilities are hidden, but for batches.
 *
 * An entry that names no material is refused as well, since whoever may write to the database could strike the name out. A name that is changed
 * into that of a newer material does not help him: the wrapper itself finds that.
 *
 * @param materials the material ids that are too old, each of 12 hex digits, as `inspect` shows them; at least one
 * @throws KeyfoldError ERR_ARGUMENT; in place of unwrapping, ERR_KEY_TOO_OLD
 * @example const key = withoutMaterials(awsKms(arn), ['9d3f01c4a2b8'])
 */
export function withoutMaterials(wrapper: BatchKeyWrapper, materials: readonly string[]): BatchKeyWrapper
export function withoutMaterials(wrapper: KeyWrapper, materials: readonly string[]): KeyWrapper
export function withoutMaterials(wrapper: KeyWrapper, materials: readonly string[]): KeyWrapper {
  const old = new Set([NO_MATERIAL, ...materials])
  if (materials.length === 0 || !materials.every((material) => MATERIAL_ID.test(material))) {
    throw new KeyfoldError('ERR_ARGUMENT', 'materials are material ids of 12 lowercase hex digits, at least one')
  }
  const isOld = ({ materialId }: WrappedKey): boolean => old.has(toHex(materialId))
  const tooOldOne = (): KeyfoldError => refused(wrapper.id, 'wrapped this data key with a material that is not accepted any more')
  const single: KeyWrapper = {
    id: wrapper.id,
    keyId: wrapper.keyId,
    ...(wrapper.contextNames !== undefined && { contextNames: wrapper.contextNames }),
    wrap: (dek, context) => wrapper.wrap(dek, context),
    unwrap: async (wrapped, context) => {
      if (isOld(wrapped)) throw tooOldOne()
      return wrapper.unwrap(wrapped, context)
    },
  }
  if (!isBatchKeyWrapper(wrapper)) return Object.freeze(single)
  const batches: Pick<BatchKeyWrapper, 'wrapMany' | 'unwrapMany'> = {
    wrapMany: (deks, contexts) => wrapper.wrapMany(deks, contexts),
    unwrapMany: async (wraps, contexts) => {
      const accepted = [...wraps.keys()].filter((i) => !isOld(wraps[i]!))
      const deks = await wrapper.unwrapMany(
        accepted.map((i) => wraps[i]!),
        accepted.map((i) => contexts[i]!),
      )
      assertCount(wrapper, deks, accepted.length)
      const answers = deks.values()
      return wraps.map((wrapped) => (isOld(wrapped) ? tooOldOne() : answers.next().value!))
    },
  }
  return Object.freeze({ ...single, ...batches })
}

function refused(id: string, fact: string): KeyfoldError {
  return new KeyfoldError('ERR_KEY_TOO_OLD', `${id} ${fact}`)
}
