import { concat, equalBytes, wipe } from '../bytes.ts'
import { DEK_LENGTH } from '../cipher.ts'
import { KeyfoldError } from '../errors.ts'
import { localKeyWrapper } from '../local-wrap.ts'
import type { CanonicalContext, KeyWrapper, WrappedKey } from '../types.ts'
import { arnIn, identityOf, kmsKeyId, kmsMaterialId } from './aws-kms-arn.ts'
import { badAnswer } from './aws-kms-errors.ts'
import type { KmsPlaces } from './aws-kms-regions.ts'
import { callAnyRegion, callRegion } from './aws-kms-regions.ts'
import { kmsContext } from './aws-kms-service.ts'

/** The DEK under KMS's data key: AES-KWP, 40 bytes behind the ciphertext of the data key. */
const INNER_LENGTH = DEK_LENGTH + 8
/** The longest ciphertext that KMS takes, and that an envelope has room for. */
const MOST_BLOB = 6144 - INNER_LENGTH
const NO_MATERIAL = kmsMaterialId(undefined)

/** A key wrapper over a KMS key. */
export interface AwsKmsKeyWrapper extends KeyWrapper {
  /** The key's ARN in the region that is called first. */
  readonly arn: string
  /**
   * Asks KMS, without a key being used, whether this caller may wrap and unwrap.
   *
   * @param uses what to ask for; both, where none is named. A key that only opens needs `unwrap` alone.
   * @throws KeyfoldError what stands against it: ERR_KEY_DENIED, ERR_KEY_DISABLED, ERR_KEY_PENDING_DELETION, ERR_KEY_NOT_FOUND, …
   */
  preflight(...uses: readonly ('wrap' | 'unwrap')[]): Promise<void>
  /**
   * Moves a wrapped data key to another KMS key within KMS (ReEncrypt): this process sees no key. What the record's commitment would show stays
   * unchecked, since that takes the data key.
   *
   * @returns undefined where KMS cannot: the target is no KMS key of the same region, account and partition. Unwrap and wrap then.
   */
  rewrapWithin(wrapped: WrappedKey, context: CanonicalContext, target: KeyWrapper): Promise<WrappedKey | undefined>
}

export interface KmsWrapperSettings extends KmsPlaces {
  readonly clearContext: readonly string[]
  readonly grantTokens: readonly string[]
}

interface Opened {
  readonly dataKey: Uint8Array
  readonly inner: Uint8Array
}

/**
 * One call of KMS a wrap or unwrap. GenerateDataKey and not Encrypt makes the wrap: it alone tells which material of the key was used, in the
 * same answer, and the DEK itself goes nowhere.
 */
export class AwsKmsWrapper implements AwsKmsKeyWrapper {
  readonly id: string
  readonly keyId: Uint8Array
  readonly arn: string
  readonly #settings: KmsWrapperSettings

  constructor(settings: KmsWrapperSettings) {
    this.id = `aws-kms:${identityOf(settings.name)}`
    this.keyId = kmsKeyId(settings.name)
    this.arn = arnIn(settings.name, settings.regions[0]!)
    this.#settings = settings
    Object.freeze(this)
  }

  async wrap(dek: Uint8Array, context: CanonicalContext): Promise<WrappedKey> {
    const answer = await callAnyRegion(this.#settings, this.id, async (kms, KeyId) => {
      const made = await kms.generateDataKey({ ...this.#request(KeyId, context), NumberOfBytes: DEK_LENGTH })
      this.#assertKey(made.KeyId, KeyId)
      return made
    })
    const dataKey = this.#dataKey(answer.Plaintext)
    try {
      const inner = localKeyWrapper(this.id, dataKey).wrapSync(dek, context)
      return { materialId: kmsMaterialId(answer.KeyMaterialId), bytes: concat(this.#blob(answer.CiphertextBlob), inner.bytes) }
    } finally {
      wipe(dataKey)
    }
  }

  async unwrap(wrapped: WrappedKey, context: CanonicalContext): Promise<Uint8Array> {
    const { dataKey, inner } = await this.#open(wrapped, context)
    try {
      return localKeyWrapper(this.id, dataKey).unwrapSync({ materialId: NO_MATERIAL, bytes: inner }, context)
    } finally {
      wipe(dataKey)
    }
  }

  async #open(wrapped: WrappedKey, context: CanonicalContext): Promise<Opened> {
    const { blob, inner } = this.#split(wrapped)
    const answer = await callAnyRegion(this.#settings, this.id, async (kms, KeyId) => {
      const opened = await kms.decrypt({ ...this.#request(KeyId, context), CiphertextBlob: blob })
      this.#assertKey(opened.KeyId, KeyId)
      return opened
    })
    const dataKey = this.#dataKey(answer.Plaintext)
    try {
      this.#assertMaterial(wrapped.materialId, answer.KeyMaterialId)
    } catch (error) {
      wipe(dataKey)
      throw error
    }
    return { dataKey, inner }
  }

  async rewrapWithin(wrapped: WrappedKey, context: CanonicalContext, target: KeyWrapper): Promise<WrappedKey | undefined> {
    if (!(#settings in target)) return undefined
    const from = this.#settings
    const to = target.#settings
    const region = from.regions.find((name) => to.regions.includes(name))
    if (region === undefined || from.name.partition !== to.name.partition || from.name.account !== to.name.account) return undefined
    const { blob, inner } = this.#split(wrapped)
    const [SourceKeyId, DestinationKeyId] = [arnIn(from.name, region), arnIn(to.name, region)]
    const answer = await callRegion(from, this.id, region, (kms) =>
      kms.reEncrypt({
        CiphertextBlob: blob,
        SourceKeyId,
        SourceEncryptionContext: kmsContext(context, from.clearContext),
        DestinationKeyId,
        DestinationEncryptionContext: kmsContext(context, to.clearContext),
        GrantTokens: [...from.grantTokens, ...to.grantTokens],
      }),
    )
    this.#assertKey(answer.SourceKeyId, SourceKeyId)
    target.#assertKey(answer.KeyId, DestinationKeyId)
    this.#assertMaterial(wrapped.materialId, answer.SourceKeyMaterialId)
    return { materialId: kmsMaterialId(answer.DestinationKeyMaterialId), bytes: concat(target.#blob(answer.CiphertextBlob), inner) }
  }

  async preflight(...uses: readonly ('wrap' | 'unwrap')[]): Promise<void> {
    const GrantTokens = [...this.#settings.grantTokens]
    if (uses.length === 0 || uses.includes('wrap')) {
      await callAnyRegion(this.#settings, this.id, (kms, KeyId) =>
        dryRun(kms.generateDataKey({ KeyId, GrantTokens, NumberOfBytes: DEK_LENGTH, DryRun: true })),
      )
    }
    if (uses.length === 0 || uses.includes('unwrap')) {
      const modifiers = { DryRun: true, DryRunModifiers: ['IGNORE_CIPHERTEXT' as const] }
      await callAnyRegion(this.#settings, this.id, (kms, KeyId) => dryRun(kms.decrypt({ KeyId, GrantTokens, ...modifiers })))
    }
  }

  #request(KeyId: string, context: CanonicalContext) {
    const { clearContext, grantTokens } = this.#settings
    return { KeyId, EncryptionContext: kmsContext(context, clearContext), GrantTokens: [...grantTokens] }
  }

  #split({ bytes }: WrappedKey): { readonly blob: Uint8Array; readonly inner: Uint8Array } {
    const end = bytes.length - INNER_LENGTH
    if (end < 1) throw new KeyfoldError('ERR_NOT_AUTHENTIC', `the wrapped data key was not made by ${this.id}`)
    return { blob: bytes.subarray(0, end), inner: bytes.subarray(end) }
  }

  #assertKey(answered: string | undefined, expected: string): void {
    if (answered !== expected) throw badAnswer(this.id, 'KMS answered for another key than the one that was asked for')
  }

  #dataKey(plaintext: Uint8Array | undefined): Uint8Array {
    if (plaintext?.length === DEK_LENGTH) return plaintext
    throw badAnswer(this.id, `KMS gave a data key of ${plaintext?.length ?? 0} bytes, not of ${DEK_LENGTH}`)
  }

  #blob(ciphertext: Uint8Array | undefined): Uint8Array {
    const length = ciphertext?.length ?? 0
    if (ciphertext !== undefined && length > 0 && length <= MOST_BLOB) return ciphertext
    throw badAnswer(this.id, `KMS gave a ciphertext of ${length} bytes, not of 1 to ${MOST_BLOB}`)
  }

  /** Zero was written where the service told no material: then there is nothing to compare. */
  #assertMaterial(claimed: Uint8Array, answered: string | undefined): void {
    if (equalBytes(claimed, NO_MATERIAL) || equalBytes(claimed, kmsMaterialId(answered))) return
    throw new KeyfoldError('ERR_NOT_AUTHENTIC', `the entry names another material of ${this.id} than the one that wrapped it`)
  }
}

/** A dry run that would have succeeded ends with an error of this name. */
async function dryRun(call: Promise<unknown>): Promise<void> {
  try {
    await call
  } catch (error) {
    if ((error as Error).name !== 'DryRunOperationException') throw error
  }
}
