import * as backend from '#backend'
import { KeyfoldError } from '../errors.ts'
import type { CanonicalContext } from '../types.ts'

/** What every call tells KMS. */
interface Common {
  /** The caller's own ARN of the key, never one from an envelope. */
  readonly KeyId: string
  readonly EncryptionContext?: Record<string, string>
  readonly GrantTokens?: string[]
  readonly DryRun?: boolean
}

interface DataKeyAnswer {
  readonly CiphertextBlob?: Uint8Array | undefined
  readonly Plaintext?: Uint8Array | undefined
  readonly KeyId?: string | undefined
  readonly KeyMaterialId?: string | undefined
}

/** With IGNORE_CIPHERTEXT a dry run asks for the permission alone, and needs no ciphertext. */
interface MayLackCiphertext {
  readonly CiphertextBlob?: Uint8Array
  readonly DryRun?: boolean
  readonly DryRunModifiers?: 'IGNORE_CIPHERTEXT'[]
}

interface ReEncryptRequest extends MayLackCiphertext {
  readonly SourceKeyId: string
  readonly SourceEncryptionContext: Record<string, string>
  readonly DestinationKeyId: string
  readonly DestinationEncryptionContext: Record<string, string>
  readonly GrantTokens?: string[]
}

interface ReEncryptAnswer {
  readonly CiphertextBlob?: Uint8Array | undefined
  readonly SourceKeyId?: string | undefined
  readonly SourceKeyMaterialId?: string | undefined
  readonly KeyId?: string | undefined
  readonly DestinationKeyMaterialId?: string | undefined
}

/** What of KMS is used. The SDK's own client fits; its types are named in aws-kms.ts alone. */
export interface KmsService {
  generateDataKey(request: Common & { readonly NumberOfBytes: number }): Promise<DataKeyAnswer>
  decrypt(request: Common & MayLackCiphertext): Promise<DataKeyAnswer>
  reEncrypt(request: ReEncryptRequest): Promise<ReEncryptAnswer>
  describeKey(request: { readonly KeyId: string; readonly GrantTokens?: string[] }): Promise<{
    readonly KeyMetadata?: { readonly Arn?: string | undefined } | undefined
  }>
  /** Older releases of the SDK do not have it. */
  getKeyLastUsage?(request: { readonly KeyId: string }): Promise<LastUsageAnswer>
}

/** What KMS says of a key's last use; without an operation and a time where it saw none. */
interface LastUsageAnswer {
  readonly KeyLastUsage?: { readonly Operation?: string | undefined; readonly Timestamp?: Date | undefined } | undefined
  readonly TrackingStartDate?: Date | undefined
}

/** Gives the client of a region; one for all calls. */
export type ConnectKms = (region: string) => Promise<KmsService>

/** The key of KMS's encryption context that carries the hash; CloudTrail logs it in clear, so it tells nothing of the record. */
export const HASH_PAIR = 'keyfold'

/**
 * What KMS authenticates of a record's context: its hash, and those pairs in clear that the user named.
 *
 * @throws KeyfoldError ERR_CONTEXT_INVALID where the record has no pair of a name that is to go in clear
 */
export function kmsContext(context: CanonicalContext, clear: readonly string[]): Record<string, string> {
  const pairs = clear.map((name) => {
    const pair = context.pairs.find(([key]) => key === name)
    if (pair === undefined)
      throw new KeyfoldError('ERR_CONTEXT_INVALID', `the encryption context has no ${name}, which the key service is to see`)
    return pair
  })
  return { ...Object.fromEntries(pairs), [HASH_PAIR]: backend.encodeBase64url(backend.sha256(context.bytes)) }
}
