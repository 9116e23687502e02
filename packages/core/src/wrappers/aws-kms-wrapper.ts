import { concat, equalBytes, wipe } from '../bytes.ts'
import { DEK_LENGTH } from '../cipher.ts'
import { KeyfoldError } from '../errors.ts'
import { localKeyWrapper } from '../local-wrap.ts'
import type {
  CanonicalContext, KeyUsage, KeyUse, KeyWrapper, PreflightKeyWrapper, RewrapKeyWrapper, UsageKeyWrapper, WrappedKey,
} from '../types.ts'
import type { KmsKeyName } from './aws-kms-arn.ts'
import { arnIn, identityOf, isArnOf, kmsKeyId, kmsMaterialId } from './aws-kms-arn.ts'
import { badAnswer, kmsError } from './aws-kms-errors.ts'
import type { KmsPlaces } from './aws-kms-regions.ts'
import { callAnyRegion } from './aws-kms-regions.ts'
import type { KmsService } from './aws-kms-service.ts'
import { kmsContext } from './aws-kms-service.ts'

/** The DEK under KMS's data key: AES-KWP, 40 bytes behind the ciphertext of the data key. */
const INNER_LENGTH = DEK_LENGTH + 8
/** The longest ciphertext that KMS takes, and that an envelope has room for. */
const MOST_BLOB = 6144 - INNER_LENGTH
const NO_MATERIAL = kmsMaterialId(undefined)
/** Asks for the permission alone. */
const DRY_RUN = { DryRun: true, DryRunModifiers: ['IGNORE_CIPHERTEXT' as const] }

/**
 * A key wrapper over a KMS key. It moves wrapped data keys to other KMS keys by ReEncrypt (`rewrapTo`), and asks by dry runs whether the caller may
 * use the key (`preflight`): for `{ rewrapTo }` a dry run of ReEncrypt, which takes the permissions of both keys. `lastUsage` is GetKeyLastUsage in
 * every region of the key, each of which keeps a note of its own; it takes the permission kms:GetKeyLastUsage, and works within an account.
 */
export interface AwsKmsKeyWrapper extends RewrapKeyWrapper, PreflightKeyWrapper, UsageKeyWrapper {
  /** The key's ARN in the region that is called first. */
  readonly arn: string
}

export interface KmsWrapperSettings extends KmsPlaces {
  readonly name: KmsKeyName
  readonly clearContext: readonly string[]
  readonly grantTokens: readonly string[]
}

/**
 * One call of KMS for each wrap, unwrap or rewrap. GenerateDataKey and not Encrypt makes the wrap: it alone tells in its answer which material of
 * the key was used, and the DEK itself goes nowhere (docs/design/0010-aws-kms.md).
 */
export class AwsKmsWrapper implements AwsKmsKeyWrapper {
  readonly id: string
  readonly keyId: Uint8Array
  readonly arn: string
  readonly contextNames: readonly string[]
  readonly #settings: KmsWrapperSettings

  constructor(settings: KmsWrapperSettings) {
    this.id = `aws-kms:${identityOf(settings.name)}`
    this.keyId = kmsKeyId(settings.name)
    this.arn = arnIn(settings.name, settings.regions[0]!)
    this.contextNames = settings.clearContext
    this.#settings = settings
    Object.freeze(this)
  }

  async wrap(dek: Uint8Array, context: CanonicalContext): Promise<WrappedKey> {
    // a caller's buffer may change while KMS answers
    const own = dek.slice()
    try {
      return await this.#wrapOwn(own, context)
    } finally {
      wipe(own)
    }
  }

  async #wrapOwn(dek: Uint8Array, context: CanonicalContext): Promise<WrappedKey> {
    const made = await callAnyRegion(this.#settings, this.id, async (kms, region) =>
      kms.generateDataKey({ ...this.#request(region, context), NumberOfBytes: DEK_LENGTH }),
    )
    const dataKey = this.#dataKey(made)
    try {
      const inner = localKeyWrapper(this.id, dataKey).wrapSync(dek, context)
      return { materialId: kmsMaterialId(made.KeyMaterialId), bytes: concat(this.#blob(made.CiphertextBlob), inner.bytes) }
    } finally {
      wipe(dataKey)
    }
  }

  async unwrap(wrapped: WrappedKey, context: CanonicalContext): Promise<Uint8Array> {
    const { blob, inner } = this.#split(wrapped)
    const opened = await callAnyRegion(this.#settings, this.id, async (kms, region) =>
      kms.decrypt({ ...this.#request(region, context), CiphertextBlob: blob }),
    )
    const dataKey = this.#dataKey(opened)
    try {
      this.#assertMaterial(wrapped.materialId, opened.KeyMaterialId)
      return localKeyWrapper(this.id, dataKey).unwrapSync({ materialId: NO_MATERIAL, bytes: inner }, context)
    } finally {
      wipe(dataKey)
    }
  }

  canRewrapTo(target: KeyWrapper): boolean {
    return #settings in target && this.#name.partition === target.#name.partition && this.#regionsWith(target).length > 0
  }

  async rewrapTo(target: KeyWrapper, wrapped: WrappedKey, context: CanonicalContext): Promise<WrappedKey> {
    const to = this.#ownKind(target)
    const { blob, inner } = this.#split(wrapped)
    const moved = await callAnyRegion(this.#placesWith(to), this.#pairWith(to), async (kms, region) =>
      kms.reEncrypt({ ...this.#reEncryption(to, region, context), CiphertextBlob: blob }),
    )
    this.#assertKey(moved.SourceKeyId)
    to.#assertKey(moved.KeyId)
    this.#assertMaterial(wrapped.materialId, moved.SourceKeyMaterialId)
    return { materialId: kmsMaterialId(moved.DestinationKeyMaterialId), bytes: concat(to.#blob(moved.CiphertextBlob), inner) }
  }

  async preflight(use: KeyUse, context: CanonicalContext): Promise<void> {
    if (typeof use === 'object') return this.#preflightRewrap(this.#ownKind(use.rewrapTo), context)
    await callAnyRegion(this.#settings, this.id, (kms, region) => {
      const request = this.#request(region, context)
      return dryRun(
        use === 'wrap'
          ? kms.generateDataKey({ ...request, NumberOfBytes: DEK_LENGTH, DryRun: true })
          : kms.decrypt({ ...request, ...DRY_RUN }),
      )
    })
  }

  async #preflightRewrap(to: AwsKmsWrapper, context: CanonicalContext): Promise<void> {
    await callAnyRegion(this.#placesWith(to), this.#pairWith(to), (kms, region) =>
      dryRun(kms.reEncrypt({ ...this.#reEncryption(to, region, context), ...DRY_RUN })),
    )
  }

  async lastUsage(): Promise<KeyUsage[]> {
    const { regions, connect } = this.#settings
    return Promise.all(regions.map(async (region) => this.#usageIn(region, await connect(region))))
  }

  async #usageIn(region: string, kms: KmsService): Promise<KeyUsage> {
    if (kms.getKeyLastUsage === undefined) {
      throw new KeyfoldError('ERR_RUNTIME', 'this release of @aws-sdk/client-kms does not know GetKeyLastUsage', {
        hint: 'Install a newer one: npm install @aws-sdk/client-kms@latest',
      })
    }
    try {
      const { KeyLastUsage, TrackingStartDate } = await kms.getKeyLastUsage({ KeyId: arnIn(this.#name, region) })
      const { Timestamp, Operation } = KeyLastUsage ?? {}
      return { place: region, usedAt: timeOf(Timestamp), operation: Operation ?? null, trackedSince: timeOf(TrackingStartDate) }
    } catch (error) {
      throw kmsError(error, this.id)
    }
  }

  get #name(): KmsKeyName {
    return this.#settings.name
  }

  #request(region: string, context: CanonicalContext) {
    const { name, clearContext, grantTokens } = this.#settings
    return { KeyId: arnIn(name, region), EncryptionContext: kmsContext(context, clearContext), GrantTokens: [...grantTokens] }
  }

  #reEncryption(to: AwsKmsWrapper, region: string, context: CanonicalContext) {
    const source = this.#request(region, context)
    const destination = to.#request(region, context)
    return {
      SourceKeyId: source.KeyId,
      SourceEncryptionContext: source.EncryptionContext,
      DestinationKeyId: destination.KeyId,
      DestinationEncryptionContext: destination.EncryptionContext,
      GrantTokens: [...new Set([...source.GrantTokens, ...destination.GrantTokens])],
    }
  }

  /** ReEncrypt works within a region; the accounts may differ. */
  #regionsWith(other: AwsKmsWrapper): readonly string[] {
    return this.#settings.regions.filter((region) => other.#settings.regions.includes(region))
  }

  #placesWith(other: AwsKmsWrapper): KmsPlaces {
    return { regions: this.#regionsWith(other), connect: this.#settings.connect }
  }

  /** KMS does not say by which of the two keys it was stopped. */
  #pairWith({ id }: AwsKmsWrapper): string {
    return id === this.id ? id : `${this.id} or ${id}`
  }

  #ownKind(target: KeyWrapper): AwsKmsWrapper {
    if (#settings in target && this.canRewrapTo(target)) return target
    throw new KeyfoldError('ERR_ARGUMENT', `${this.id} moves data keys to KMS keys of its own region and partition alone, not to ${target.id}`)
  }

  #split({ bytes }: WrappedKey): { readonly blob: Uint8Array; readonly inner: Uint8Array } {
    const end = bytes.length - INNER_LENGTH
    if (end < 1) throw new KeyfoldError('ERR_NOT_AUTHENTIC', `the wrapped data key was not made by ${this.id}`)
    return { blob: bytes.subarray(0, end), inner: bytes.subarray(end) }
  }

  #assertKey(answered: string | undefined): void {
    if (!isArnOf(this.#name, answered)) throw badAnswer(this.id, 'KMS answered for another key than the one that was asked for')
  }

  #dataKey({ KeyId, Plaintext }: { readonly KeyId?: string | undefined; readonly Plaintext?: Uint8Array | undefined }): Uint8Array {
    this.#assertKey(KeyId)
    if (Plaintext?.length === DEK_LENGTH) return Plaintext
    throw badAnswer(this.id, `KMS gave a data key of ${Plaintext?.length ?? 0} bytes, not of ${DEK_LENGTH}`)
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

function timeOf(date: Date | undefined): string | null {
  return date === undefined ? null : date.toISOString()
}

/** A dry run that would have succeeded ends with an error of this name. */
async function dryRun(call: Promise<unknown>): Promise<void> {
  try {
    await call
  } catch (error) {
    if ((error as Error).name !== 'DryRunOperationException') throw error
  }
}
